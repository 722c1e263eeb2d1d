// One run of an engine that is used as it is when somebody runs it, and started by us when nobody does (Ollama). Which
// of the two is found out at each start, and holds until its end.
import type { RunEngineConfig, UrlEngineConfig } from '../../config/types.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Capability, ChatPart, PcmChunk, TranscriptPart, VadStream } from '../contract.ts';
import type { Endpoint } from '../endpoint.ts';
import type { CheckDepth, CheckVerdict } from '../engine-watch.ts';
import { probe } from '../http/probe.ts';
import type {
  ChatCall,
  EmbedCall,
  EngineInstance,
  SpawnRequest,
  SpeakCall,
  TranscribeCall,
} from '../instance.ts';
import { findProgram } from '../process/find-program.ts';
import { ProgramInstance, type ProgramOptions } from '../process/instance.ts';
import type { Rung } from '../state.ts';
import { endpointOf } from './endpoint.ts';
import { UrlInstance } from './instance.ts';

export interface AdoptedOptions extends Omit<ProgramOptions, 'config'> {
  readonly config: UrlEngineConfig;
  readonly otherwise: RunEngineConfig;
}

export class AdoptedInstance implements EngineInstance {
  readonly #request: SpawnRequest;
  readonly #options: AdoptedOptions;
  #state: 'looking' | 'stopped' = 'looking';
  #chosen: EngineInstance | undefined;

  constructor(request: SpawnRequest, options: AdoptedOptions) {
    this.#request = request;
    this.#options = options;
    options.scope.spawn('look', (signal) => this.#look(signal));
  }

  get pid(): number | null {
    return this.#chosen?.pid ?? null;
  }

  get port(): number | null {
    return this.#chosen?.port ?? null;
  }

  get endpoint(): Endpoint | null {
    return this.#chosen?.endpoint ?? null;
  }

  get offers(): readonly Capability[] {
    return this.#options.config.offers ?? [];
  }

  get modelName(): string | null {
    return this.#chosen?.modelName ?? null;
  }

  get evidence(): Readonly<Partial<Record<Rung, string>>> {
    return this.#chosen?.evidence ?? {};
  }

  get logTail(): readonly string[] {
    return this.#options.log.tail;
  }

  get activeCalls(): number {
    return this.#chosen?.activeCalls ?? 0;
  }

  terminate(): void {
    if (this.#chosen) return this.#chosen.terminate();
    this.#stopped();
  }

  kill(): void {
    if (this.#chosen) return this.#chosen.kill();
    this.#stopped();
  }

  async check(depth: CheckDepth): Promise<CheckVerdict> {
    return (await this.#chosen?.check?.(depth)) ?? { state: 'well' };
  }

  async unheard(): Promise<string> {
    return (await this.#chosen?.unheard?.()) ?? '';
  }

  speak(call: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk> {
    return this.#ready().speak(call, signal);
  }

  chat(call: ChatCall, signal: AbortSignal): AsyncIterable<ChatPart> {
    return this.#ready().chat(call, signal);
  }

  transcribe(call: TranscribeCall, signal: AbortSignal): AsyncIterable<TranscriptPart> {
    return this.#ready().transcribe(call, signal);
  }

  embed(call: EmbedCall, signal: AbortSignal): Promise<readonly Float32Array[]> {
    return this.#ready().embed(call, signal);
  }

  openVad(rateHz: number): VadStream {
    return this.#ready().openVad(rateHz);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { config, otherwise, clock, scope, log, inherited, ...program } = this.#options;
    const { http: path = '/', status, probeTimeoutMs: timeoutMs } = config.ready;
    const answer = await probe({ endpoint: endpointOf(config), path, status, timeoutMs }, clock, signal);
    const [name = ''] = otherwise.run;
    // Whoever listens there is not to be doubled, whatever it answers.
    const nobody = answer.state === 'refused' && answer.code === 'ECONNREFUSED';
    const found = nobody ? await findProgram(name, inherited) : undefined;
    if (signal.aborted || this.#state === 'stopped') return;
    if (nobody && found !== undefined)
      this.#chosen = new ProgramInstance(this.#request, {
        ...{ ...program, config: otherwise, clock, scope, log, inherited },
      });
    else {
      const hint = `start it; there is no program ${name} on the PATH that greenroom could start`;
      const absent = nobody ? { hint } : {};
      this.#chosen = new UrlInstance(this.#request, { config, clock, scope, log, ...absent });
    }
  }

  /** Before anything was chosen. */
  #stopped(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    const message = `engine ${this.#request.engine} was stopped before it was looked for`;
    const failure = { code: 'engine_stopped', message, kind: 'passing', logTail: [] } as const;
    queueMicrotask(() => this.#request.events.exited(failure));
  }

  #ready(): EngineInstance {
    if (this.#chosen) return this.#chosen;
    throw new GreenroomError('engine_not_ready', `engine ${this.#request.engine} is not ready`);
  }
}
