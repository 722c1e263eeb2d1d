// What a run of an engine that is asked over HTTP has in common, whoever started it: its calls, the rungs that it has
// climbed with their evidence, and the first cause of its end.
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Capability, ChatPart, PcmChunk, TranscriptPart, VadStream } from '../contract.ts';
import type { Endpoint } from '../endpoint.ts';
import type { CheckDepth, CheckVerdict } from '../engine-watch.ts';
import type {
  ChatCall,
  EmbedCall,
  EngineInstance,
  SpawnRequest,
  SpeakCall,
  TranscribeCall,
} from '../instance.ts';
import { oneLine } from '../one-line.ts';
import type { OutputLog } from '../output-log.ts';
import type { EngineFailure, Rung } from '../state.ts';
import type { Refusal } from './ladder.ts';
import type { LiveCalls, LiveCallsOptions } from './live-calls.ts';

export abstract class HttpInstance implements EngineInstance {
  abstract readonly pid: number | null;
  abstract readonly port: number | null;
  abstract readonly endpoint: Endpoint | null;
  abstract readonly offers: readonly Capability[];
  abstract readonly modelName: string | null;
  protected readonly request: SpawnRequest;
  protected state: 'starting' | 'ready' | 'gone' = 'starting';
  protected stop: 'none' | 'asked' = 'none';
  /** Once it is ready. */
  protected calls: LiveCalls | undefined;
  readonly #log: OutputLog;
  readonly #evidence: Partial<Record<Rung, string>> = {};
  /** Why it is unfit, or gone: the first cause. */
  #failure: EngineFailure | undefined;

  constructor(request: SpawnRequest, log: OutputLog) {
    this.request = request;
    this.#log = log;
  }

  abstract terminate(): void;
  abstract kill(): void;
  /** `pid 12`, an address: for messages. */
  protected abstract readonly where: string;

  get logTail(): readonly string[] {
    return this.#log.tail;
  }

  get evidence(): Readonly<Partial<Record<Rung, string>>> {
    return this.#evidence;
  }

  get activeCalls(): number {
    return this.calls?.active ?? 0;
  }

  speak(call: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk> {
    return this.#live().speak(call, signal);
  }

  chat(call: ChatCall, signal: AbortSignal): AsyncIterable<ChatPart> {
    return this.#live().chat(call, signal);
  }

  transcribe(call: TranscribeCall, signal: AbortSignal): AsyncIterable<TranscriptPart> {
    return this.#live().transcribe(call, signal);
  }

  embed(call: EmbedCall, signal: AbortSignal): Promise<readonly Float32Array[]> {
    return this.#live().embed(call, signal);
  }

  openVad(): VadStream {
    const message = `engine ${this.request.engine}: voice activity is not asked over HTTP; use a worker`;
    throw new GreenroomError('engine_call_unsupported', message);
  }

  /** `works` asks for something real; a busy engine is not asked that way by anybody but its suspicious callers. */
  async check(depth: CheckDepth): Promise<CheckVerdict> {
    return (await this.calls?.check(depth)) ?? { state: 'well' };
  }

  protected climbed(rung: Rung, evidence: string): void {
    this.#evidence[rung] = oneLine(this.#log.mask(evidence));
    this.request.events.climbed(rung);
  }

  /** What its calls need to know of it. */
  protected watching(): Pick<LiveCallsOptions, 'state' | 'failure' | 'onUnreachable' | 'onProof'> {
    return {
      state: () => (this.state === 'gone' ? 'gone' : this.stop === 'asked' ? 'stopping' : 'running'),
      failure: () => this.#failure,
      onUnreachable: (why) => this.refuse({ code: 'engine_unreachable', why, kind: 'passing' }),
      // Nobody has asked it before: now it is known to work.
      onProof: (evidence) => {
        this.#evidence.generated ??= evidence;
      },
    };
  }

  /** It is there, and cannot be used. */
  protected refuse({ code, why, kind }: Refusal): void {
    if (this.state === 'gone' || this.#failure) return;
    const message = oneLine(this.#log.mask(`engine ${this.request.engine} (${this.where}): ${why}`));
    this.#failure = { code, message, kind, logTail: this.logTail };
    this.request.events.failed(this.#failure);
  }

  /** Told once, last. */
  protected gone(failure: Omit<EngineFailure, 'logTail'>): void {
    this.state = 'gone';
    const whole = { ...failure, logTail: this.logTail };
    this.#failure ??= whole;
    this.request.events.exited(whole);
  }

  #live(): LiveCalls {
    if (this.calls) return this.calls;
    throw new GreenroomError('engine_stopped', `engine ${this.request.engine} is gone`);
  }
}
