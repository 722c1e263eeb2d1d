// One run of a worker engine: its host, its load, its calls.
import type { ErrorCode } from '../../lifecycle/codes.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Capability, PcmChunk, VadStream } from '../contract.ts';
import type { EngineInstance, SpawnRequest, SpeakCall } from '../instance.ts';
import type { OutputLog } from '../output-log.ts';
import type { EngineFailure } from '../state.ts';
import { type CallLimits, WorkerCalls } from './calls.ts';
import type { OpenLink, WorkerLink } from './link.ts';
import type { FromHost } from './protocol.ts';

export interface WorkerOptions {
  readonly module: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly openLink: OpenLink;
  readonly log: OutputLog;
  readonly limits: CallLimits;
}

export class WorkerInstance implements EngineInstance {
  readonly port = null;
  readonly #request: SpawnRequest;
  readonly #options: WorkerOptions;
  readonly #link: WorkerLink;
  readonly #calls: WorkerCalls;
  #offers: readonly Capability[] = [];
  #state: 'running' | 'leaving' | 'gone' = 'running';

  constructor(request: SpawnRequest, options: WorkerOptions) {
    this.#request = request;
    this.#options = options;
    this.#link = options.openLink(request.marker, {
      message: (message) => this.#receive(message),
      output: (source, chunk) => {
        options.log.write(source, chunk);
        request.events.active();
      },
      exit: (how) => this.#gone(how),
    });
    this.#calls = new WorkerCalls(
      request.engine,
      (message) => this.#link.post(message),
      options.limits,
      (error) => request.events.failed(this.#failure(error.code, error.message, 'passing')),
    );
    this.#link.post({ type: 'load', module: options.module, options: options.options });
    // The constructor's caller learns the instance first; its rungs come after.
    queueMicrotask(() => request.events.climbed('spawned'));
  }

  get pid(): number | null {
    return this.#link.pid;
  }

  get offers(): readonly Capability[] {
    return this.#offers;
  }

  get logTail(): readonly string[] {
    return this.#options.log.tail;
  }

  get activeCalls(): number {
    return this.#calls.active;
  }

  terminate(): void {
    const loaded = this.#offers.length > 0;
    this.#state = this.#state === 'gone' ? 'gone' : 'leaving';
    this.#calls.failAll(this.#stopped());
    // A load has nothing to close, and may block its thread: it is not asked.
    if (loaded || this.pid !== null) this.#link.terminate();
    else this.#link.kill();
  }

  kill(): void {
    this.#link.kill();
  }

  speak(call: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk> {
    return this.#calls.speak({ text: call.text, ...(call.voice && { voice: call.voice }) }, signal);
  }

  openVad(rateHz: number): VadStream {
    return this.#calls.openVad(rateHz);
  }

  #receive(message: FromHost): void {
    const { events } = this.#request;
    switch (message.type) {
      case 'hello':
        return events.climbed('alive');
      case 'progress':
        return events.progressed(message.fraction, message.text);
      case 'loaded':
        this.#offers = message.offers;
        this.#calls.open(message.concurrency);
        events.climbed('loaded');
        return events.climbed('ready');
      case 'load_failed': {
        const contract = message.reason === 'contract';
        const code = contract ? 'engine_module_invalid' : 'engine_load_failed';
        if (message.stack) this.#options.log.write('stderr', `${message.stack}\n`);
        const what = contract ? `its module ${this.#options.module} breaks the contract` : 'its load failed';
        return events.failed(
          this.#failure(code, `engine ${this.#request.engine}: ${what}: ${message.message}`, 'lasting'),
        );
      }
      case 'call_failed':
        this.#options.log.write('stderr', `${message.stack || message.message}\n`);
        return this.#calls.receive(message);
      default:
        return this.#calls.receive(message);
    }
  }

  #gone(how: string): void {
    const { engine, events } = this.#request;
    const pid = this.pid === null ? 'thread' : `pid ${this.pid}`;
    const message = `engine ${engine} (${pid}) exited: ${how}`;
    this.#calls.failAll(
      this.#state === 'leaving' ? this.#stopped() : new GreenroomError('engine_exited', message),
    );
    this.#state = 'gone';
    this.#options.log.close();
    events.exited(this.#failure('engine_exited', message, 'passing'));
  }

  #stopped(): GreenroomError {
    return new GreenroomError('engine_stopped', `engine ${this.#request.engine} is being stopped`);
  }

  #failure(code: ErrorCode, message: string, kind: EngineFailure['kind']): EngineFailure {
    return { code, message, kind, logTail: this.#options.log.tail };
  }
}
