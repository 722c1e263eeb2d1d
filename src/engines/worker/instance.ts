// One run of a worker engine: its host, its load, its calls.
import type { ErrorCode } from '../../lifecycle/codes.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Capability, PcmChunk, VadStream } from '../contract.ts';
import type { EngineInstance, SpawnRequest, SpeakCall } from '../instance.ts';
import type { OutputLog } from '../output-log.ts';
import type { EngineFailure } from '../state.ts';
import { type CallLimits, WorkerCalls } from './calls.ts';
import { channelFd } from './channel.ts';
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
  #state: 'running' | 'gone' = 'running';

  constructor(request: SpawnRequest, options: WorkerOptions) {
    this.#request = request;
    this.#options = options;
    const { engine, marker, events } = request;
    const { log, limits, module } = options;
    this.#link = options.openLink(marker, {
      message: (message) => this.#receive(message),
      output: (source, chunk) => {
        log.write(source, chunk);
        events.active();
      },
      broken: (what) => this.#broken(what),
      exit: (how) => this.#gone(how),
    });
    this.#calls = new WorkerCalls({
      engine,
      limits,
      post: (message) => this.#link.post(message),
      onStall: (error) => this.#giveUp(error),
    });
    this.#link.post({ type: 'load', module, options: options.options });
    // The constructor's caller learns the instance first; its rungs come after.
    queueMicrotask(() => events.climbed('spawned'));
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
    const message = `engine ${this.#request.engine} is being stopped`;
    this.#calls.close(new GreenroomError('engine_stopped', message));
    // A thread that loads has nothing to close, and may be blocked: it is not asked.
    if (this.#offers.length > 0 || this.pid !== null) this.#link.terminate();
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
    // The module shares the channel with its host, and may say anything.
    const type: unknown = (message as FromHost | null | undefined)?.type;
    if (this.#state === 'gone' || typeof type !== 'string') return;
    const { events } = this.#request;
    const { log } = this.#options;
    switch (message.type) {
      case 'hello':
        return events.climbed('alive');
      case 'progress':
        return events.progressed(message.fraction, message.text && log.mask(String(message.text)));
      case 'loaded':
        if (!Array.isArray(message.offers)) return;
        this.#offers = message.offers;
        this.#calls.open(message.concurrency);
        events.climbed('loaded');
        return events.climbed('ready');
      case 'load_failed':
        return this.#loadFailed(message);
      case 'call_failed':
        log.write('stderr', `${message.stack || message.message}\n`);
        return this.#calls.receive({ ...message, message: log.mask(String(message.message)) });
      default:
        return this.#calls.receive(message);
    }
  }

  #loadFailed({ reason, message, stack }: Extract<FromHost, { type: 'load_failed' }>): void {
    const { engine, events } = this.#request;
    const { log, module } = this.#options;
    if (stack) log.write('stderr', `${stack}\n`);
    const [code, what] =
      reason === 'contract'
        ? (['engine_module_invalid', `its module ${module} cannot be used`] as const)
        : (['engine_load_failed', 'its load failed'] as const);
    events.failed(this.#failure(code, log.mask(`engine ${engine}: ${what}: ${message}`), 'lasting'));
  }

  /** As with a crash: it may be another's fault (a library, a child), and another time go well. */
  #broken(what: string): void {
    const who = `engine ${this.#request.engine} (pid ${this.pid})`;
    const why = `something in it writes to file descriptor ${channelFd}, where its messages to the gateway go`;
    const message = this.#options.log.mask(`${who}: ${what}: ${why}; it is stopped, and tried again`);
    this.#giveUp(new GreenroomError('engine_module_invalid', message));
  }

  /** Everybody who waits for it learns the cause, not the stop that follows. */
  #giveUp(error: GreenroomError): void {
    this.#calls.close(error);
    this.#request.events.failed(this.#failure(error.code, error.message, 'passing'));
  }

  #gone(how: string): void {
    const { engine, events } = this.#request;
    const where = this.pid === null ? 'thread' : `pid ${this.pid}`;
    const message = this.#options.log.mask(`engine ${engine} (${where}) ${how}`);
    const failure = this.#failure('engine_exited', message, 'passing');
    this.#state = 'gone';
    const { logTail } = failure;
    this.#calls.close(new GreenroomError('engine_exited', message, { details: { logTail } }));
    events.exited(failure);
  }

  #failure(code: ErrorCode, message: string, kind: EngineFailure['kind']): EngineFailure {
    return { code, message, kind, logTail: this.logTail };
  }
}
