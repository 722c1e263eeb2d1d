// One run of a worker engine: its host, its load, its calls.
import type { NeededOffer } from '../../config/types.ts';
import type { ErrorCode } from '../../lifecycle/codes.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { operations } from '../../telemetry/operations.ts';
import { diagnose } from '../causes.ts';
import type { Capability, ChatPart, PcmChunk, TranscriptPart, VadStream } from '../contract.ts';
import type {
  ChatCall,
  EmbedCall,
  EngineInstance,
  SpawnRequest,
  SpeakCall,
  TranscribeCall,
} from '../instance.ts';
import type { OutputLog } from '../output-log.ts';
import type { ProcessEnd } from '../process-group.ts';
import { shown } from '../shown.ts';
import type { EngineFailure } from '../state.ts';
import { type CallLimits, WorkerCalls } from './calls.ts';
import { type ChannelFault, channelFd, strangerCharsMax } from './channel.ts';
import { parseFromHost } from './from-host.ts';
import type { OpenLink, WorkerLink } from './link.ts';
import { type FromHost, progressCharsMax } from './protocol.ts';

/** What an engine says of a failure; all of it is in its log. */
const messageCharsMax = 2000;

export interface WorkerOptions {
  readonly module: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** What it has to offer, and who needs it. */
  readonly needed: readonly NeededOffer[];
  readonly openLink: OpenLink;
  readonly log: OutputLog;
  readonly limits: CallLimits;
}

export class WorkerInstance implements EngineInstance {
  readonly port = null;
  readonly endpoint = null;
  readonly #request: SpawnRequest;
  readonly #options: WorkerOptions;
  readonly #link: WorkerLink;
  readonly #calls: WorkerCalls;
  #offers: readonly Capability[] = [];
  /** `spoilt`: what it says is not listened to any more. */
  #state: 'running' | 'spoilt' | 'gone' = 'running';

  constructor(request: SpawnRequest, options: WorkerOptions) {
    this.#request = request;
    this.#options = options;
    const { engine, marker, events } = request;
    const { log, limits, module } = options;
    this.#link = options.openLink(marker, {
      message: (message) => operations.during('engine message', engine, () => this.#receive(message)),
      output: (source, chunk) => {
        log.write(source, chunk);
        events.active();
      },
      broken: (fault) => this.#broken(fault),
      exit: (end) => this.#gone(end),
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

  get lanes(): number | null {
    return this.#calls.lanes;
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

  speak({ text, voice, speed }: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk> {
    this.#mustOffer('speak');
    return this.#calls.call(
      { method: 'speak', args: { text, ...(voice && { voice }), ...(speed !== undefined && { speed }) } },
      signal,
    );
  }

  chat(call: ChatCall, signal: AbortSignal): AsyncIterable<ChatPart> {
    this.#mustOffer('chat');
    return this.#calls.call({ method: 'chat', args: { ...call } }, signal);
  }

  transcribe({ pcm, rate, language }: TranscribeCall, signal: AbortSignal): AsyncIterable<TranscriptPart> {
    this.#mustOffer('transcribe');
    const args = { rate, ...(language && { language }) };
    return this.#calls.call({ method: 'transcribe', args, hears: pcm }, signal);
  }

  async embed({ input }: EmbedCall, signal: AbortSignal): Promise<readonly Float32Array[]> {
    this.#mustOffer('embed');
    const vectors: Float32Array[] = [];
    for await (const vector of this.#calls.call({ method: 'embed', args: { input } }, signal))
      vectors.push(vector);
    if (signal.aborted || vectors.length === input.length) return vectors;
    const what = `embed gave ${vectors.length} vectors for ${input.length} texts`;
    throw new GreenroomError('engine_call_failed', `engine ${this.#request.engine}: ${what}`);
  }

  #mustOffer(capability: Capability): void {
    if (this.#offers.includes(capability)) return;
    const offers = this.#offers.join(', ') || 'nothing';
    throw new GreenroomError(
      'engine_call_unsupported',
      `engine ${this.#request.engine} offers ${offers}, not ${capability}`,
    );
  }

  openVad(rateHz: number): VadStream {
    return this.#calls.openVad(rateHz);
  }

  #receive(came: unknown): void {
    if (this.#state !== 'running') return;
    const parsed = parseFromHost(came);
    if (parsed.state === 'odd') this.#odd(parsed.what);
    else if (parsed.state === 'ours') this.#heard(parsed.message);
  }

  #heard(message: FromHost): void {
    const { events } = this.#request;
    switch (message.type) {
      case 'hello':
        return events.climbed('alive');
      case 'progress':
        return events.progressed(
          message.fraction,
          message.text && this.#shown(message.text, progressCharsMax),
        );
      case 'loaded': {
        const missing = missingOffers(this.#options.needed, message.offers);
        if (missing !== undefined)
          return this.#loadFailed({ type: 'load_failed', reason: 'contract', message: missing, stack: '' });
        this.#offers = message.offers;
        this.#calls.open(message.concurrency);
        events.climbed('loaded');
        return events.climbed('ready');
      }
      case 'load_failed':
        return this.#loadFailed(message);
      case 'call_failed':
        this.#options.log.write('stderr', `${message.stack || message.message}\n`);
        return this.#calls.receive({ ...message, message: this.#shown(message.message) });
      default:
        return this.#calls.receive(message);
    }
  }

  #loadFailed({ reason, message, stack }: Extract<FromHost, { type: 'load_failed' }>): void {
    const { engine, events } = this.#request;
    const { log, module } = this.#options;
    log.write('stderr', `${stack || message}\n`);
    const [code, what] =
      reason === 'contract'
        ? (['engine_module_invalid', `its module ${module} cannot be used`] as const)
        : (['engine_load_failed', 'its load failed'] as const);
    const kind = reason === 'passing' ? 'passing' : 'lasting';
    events.failed(this.#failure(code, this.#shown(`engine ${engine}: ${what}: ${message}`), kind));
  }

  #broken({ what, came }: ChannelFault): void {
    const stranger = came && JSON.stringify(this.#shown(came, strangerCharsMax));
    const why = stranger ? `${stranger} came instead of a message` : what;
    this.#spoilt(
      `${why}: something in it writes to file descriptor ${channelFd}, where its messages to the gateway go`,
    );
  }

  #odd(what: string): void {
    this.#spoilt(`${this.#shown(what)}: something in it writes messages of its own to the gateway`);
  }

  /** As with a crash: it may be another's fault (a library, a child), and another time go well. */
  #spoilt(why: string): void {
    this.#state = 'spoilt';
    const message = `engine ${this.#request.engine} (${this.#place}): ${why}; it is stopped, and tried again`;
    this.#giveUp(new GreenroomError('engine_module_invalid', message));
  }

  /** Everybody who waits for it learns the cause, not the stop that follows. */
  #giveUp(error: GreenroomError): void {
    this.#calls.close(error);
    this.#request.events.failed(this.#failure(error.code, error.message, 'passing'));
  }

  #gone(end: ProcessEnd): void {
    const { engine, events } = this.#request;
    const [code, what] =
      end.state === 'exited'
        ? (['engine_exited', `(${this.#place}) ${end.how}`] as const)
        : (['engine_program_missing', `cannot be started: ${end.error.message}`] as const);
    const message = this.#shown(`engine ${engine} ${what}`);
    const diagnosis =
      end.state === 'exited' &&
      diagnose({ ...end, lines: this.logTail, stage: this.#offers.length > 0 ? 'ready' : 'starting' });
    const failure = {
      ...this.#failure(code, message, 'passing'),
      ...(diagnosis && { cause: diagnosis.cause }),
    };
    this.#state = 'gone';
    const { logTail } = failure;
    this.#calls.close(new GreenroomError(code, message, { details: { logTail } }));
    events.exited(failure);
  }

  get #place(): string {
    return this.pid === null ? 'thread' : `pid ${this.pid}`;
  }

  #shown(text: string, charsMax = messageCharsMax): string {
    return shown(text, charsMax, this.#options.log.mask);
  }

  #failure(code: ErrorCode, message: string, kind: EngineFailure['kind']): EngineFailure {
    return { code, message, kind, logTail: this.logTail };
  }
}

/** Why it is of no use for those who need it; undefined: it is. */
function missingOffers(needed: readonly NeededOffer[], offers: readonly Capability[]): string | undefined {
  const missing = needed.filter(({ capability }) => !offers.includes(capability));
  if (missing.length === 0) return undefined;
  const needs = missing.map(({ by, capability }) => `${by} needs ${capability}`);
  return `it offers ${offers.join(', ')}, but ${needs.join(' and ')}`;
}
