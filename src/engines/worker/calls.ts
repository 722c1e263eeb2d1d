// The gateway's side of a worker engine's calls: lanes, waiting, streaming, cancellation, stalls. A call occupies its
// lane until the host says that it has really ended; one that ignores its cancel keeps it, its result is dropped.
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import type { VadStream } from '../contract.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { InputFeed } from './input-feed.ts';
import {
  type Answers,
  answerTypes,
  type CallMessage,
  type CallMethod,
  chunksAhead,
  type ToHost,
} from './protocol.ts';
import { VadCall } from './vad-call.ts';
import { VadLag } from './vad-lag.ts';

export interface CallLimits {
  readonly clock: Clock;
  /** A call under way that owes something and gives nothing for this long: the worker is given up. */
  readonly stallMs: number;
  /** How long a cancelled call may take before it is told as ignoring its signal. */
  readonly cancelGraceMs: number;
  readonly waitingMax: number;
  /** For what is worth a line in the log but is nobody's error. */
  readonly note: (message: string) => void;
}

export interface CallsOptions {
  readonly engine: string;
  readonly limits: CallLimits;
  readonly post: (message: ToHost) => void;
  readonly onStall: (error: GreenroomError) => void;
}

/** One call, as it is asked. */
export interface CallRequest<Method extends CallMethod> {
  readonly method: Method;
  readonly args: Readonly<Record<string, unknown>>;
  /** What it is to hear, for `transcribe`. */
  readonly hears?: AsyncIterable<Int16Array>;
}

type Answer = Answers[CallMethod];

interface Call {
  readonly id: number;
  readonly request: CallRequest<CallMethod>;
  readonly queue: ChunkQueue<Answer>;
  state: 'waiting' | 'running' | 'cancelled' | 'ended';
  /** Pieces given by the host and not yet taken by the consumer. */
  ahead: number;
  feed: InputFeed | undefined;
  timer: Timer | undefined;
}

export class WorkerCalls {
  readonly #options: CallsOptions;
  readonly #calls = new Map<number, Call>();
  readonly #streams = new Map<number, VadCall>();
  readonly #lag: VadLag;
  readonly #waiting: Call[] = [];
  #lanes = 0;
  #running = 0;
  #lastId = 0;
  /** Why there are no more calls. */
  #closed: GreenroomError | undefined;

  constructor(options: CallsOptions) {
    this.#options = options;
    const { engine, limits } = options;
    this.#lag = new VadLag({
      clock: limits.clock,
      tell: ({ streams, behindMs }) => {
        const who = `${streams} of ${this.#streams.size} streams are behind`;
        const next = 'fewer sessions at a time, or a faster machine, would be heard in time';
        limits.note(`engine ${engine}: voice activity: ${who}, by ${behindMs} ms or more; ${next}`);
      },
    });
  }

  /** Calls at a time; null before it has loaded. */
  get lanes(): number | null {
    return this.#lanes || null;
  }

  get active(): number {
    return this.#running + this.#streams.size;
  }

  /** The engine has loaded and takes this many calls at a time. */
  open(concurrency: number): void {
    this.#lanes = concurrency;
    this.#admit();
  }

  /** Its answer is made no faster than it is taken. Ends early, without an error, when the signal aborts. */
  async *call<Method extends CallMethod>(
    request: CallRequest<Method>,
    signal: AbortSignal,
  ): AsyncGenerator<Answers[Method]> {
    if (signal.aborted) return;
    const call = this.#enqueue(request);
    const onAbort = () => this.#cancel(call);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const piece of call.queue) {
        this.#taken(call);
        yield piece as Answers[Method];
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#cancel(call);
    }
  }

  /** Streams have no lane: a frame takes milliseconds, and every session holds one for as long as it lasts. */
  openVad(rateHz: number): VadStream {
    if (this.#closed) throw this.#closed;
    const id = ++this.#lastId;
    const stream = new VadCall(id, rateHz, this.#lag, this.#options);
    this.#streams.set(id, stream);
    this.#options.post({ type: 'open', id, args: { rate: rateHz } });
    return stream;
  }

  receive(message: CallMessage): void {
    const stream = this.#streams.get(message.id);
    if (stream) {
      if (message.type === 'ended' || message.type === 'call_failed') this.#streams.delete(message.id);
      return stream.receive(message);
    }
    const call = this.#calls.get(message.id);
    if (!call) return;
    switch (message.type) {
      case 'call_failed':
        call.queue.fail(this.#failed(call, message.message));
        return this.#ended(call);
      case 'ended':
        return this.#ended(call);
      case 'given':
        return this.#given(call);
      default:
        // What is no answer to this call is none at all.
        if (message.type === answerTypes[call.request.method]) this.#piece(call, message.value as Answer);
    }
  }

  /** There is nobody to answer any more: everything under way fails, and whatever is asked from now on. */
  close(error: GreenroomError): void {
    this.#closed ??= error;
    for (const call of [...this.#calls.values(), ...this.#waiting.splice(0)]) {
      this.#rest(call);
      call.state = 'ended';
      call.queue.fail(error);
    }
    this.#calls.clear();
    this.#running = 0;
    for (const stream of this.#streams.values()) stream.fail(error);
    this.#lag.close();
    this.#streams.clear();
  }

  #enqueue(request: CallRequest<CallMethod>): Call {
    if (this.#closed) throw this.#closed;
    const { engine, limits } = this.#options;
    const { waitingMax } = limits;
    if (this.#running >= this.#lanes && this.#waiting.length >= waitingMax) {
      const facts = `${this.#running} calls run and ${waitingMax} wait`;
      throw new GreenroomError('engine_busy', `engine ${engine} is busy: ${facts}`);
    }
    const call: Call = {
      ...{ id: ++this.#lastId, request, queue: new ChunkQueue() },
      ...{ state: 'waiting', ahead: 0, feed: undefined, timer: undefined },
    };
    this.#waiting.push(call);
    this.#admit();
    return call;
  }

  #admit(): void {
    while (this.#running < this.#lanes) {
      const call = this.#waiting.shift();
      if (!call) return;
      this.#running += 1;
      call.state = 'running';
      this.#calls.set(call.id, call);
      const { id, request } = call;
      this.#options.post({ type: 'call', id, method: request.method, args: request.args });
      if (request.hears) call.feed = this.#feed(call, request.hears);
      this.#watch(call);
    }
  }

  #feed(call: Call, source: AsyncIterable<Int16Array>): InputFeed {
    return new InputFeed({
      source,
      give: (pcm) => {
        this.#options.post({ type: 'give', id: call.id, pcm });
        this.#watch(call);
      },
      // Its consumer is told, and cancels it.
      onFailure: (error) => call.queue.fail(toGreenroomError(error)),
    });
  }

  #piece(call: Call, piece: Answer): void {
    if (call.state !== 'running') return;
    call.ahead += 1;
    call.queue.push(piece);
    this.#watch(call);
  }

  #taken(call: Call): void {
    if (call.state !== 'running') return;
    call.ahead -= 1;
    if (call.ahead === chunksAhead - 1) this.#watch(call);
    this.#options.post({ type: 'taken', id: call.id });
  }

  #given(call: Call): void {
    if (call.state !== 'running') return;
    call.feed?.taken();
    this.#watch(call);
  }

  /** Nobody listens any more: also what has come already is dropped. */
  #cancel(call: Call): void {
    call.queue.drop();
    if (call.state === 'waiting') {
      this.#waiting.splice(this.#waiting.indexOf(call), 1);
      call.state = 'ended';
    }
    if (call.state !== 'running') return;
    call.state = 'cancelled';
    this.#rest(call);
    const { engine, limits, post } = this.#options;
    const { clock, cancelGraceMs, note } = limits;
    const late = () => {
      const what = `a cancelled call still runs after ${cancelGraceMs} ms; its lane stays busy`;
      note(`engine ${engine}: ${what}`);
      this.#watch(call);
    };
    call.timer = clock.after(cancelGraceMs, late, { ref: false });
    post({ type: 'cancel', id: call.id });
  }

  /** Restarts the stall clock of a call, as far as the engine owes something. */
  #watch(call: Call): void {
    const { engine, limits, onStall } = this.#options;
    const { clock, stallMs } = limits;
    call.timer?.cancel();
    // With all its credit used the consumer is waited for, who may take his time; with all taken that it was given to
    // hear, who speaks.
    if (call.state === 'running' && (call.ahead >= chunksAhead || call.feed?.starving)) return;
    const stalled = () => {
      const message = `engine ${engine}: a call gave nothing for ${stallMs} ms`;
      onStall(new GreenroomError('engine_stalled', message));
    };
    call.timer = clock.after(stallMs, stalled, { ref: false });
  }

  #failed({ request }: Call, why: string): GreenroomError {
    const message = `engine ${this.#options.engine}: ${request.method} failed: ${why}`;
    return new GreenroomError('engine_call_failed', message);
  }

  /** Nothing is waited for any more, and nothing given. */
  #rest(call: Call): void {
    call.timer?.cancel();
    call.feed?.stop();
  }

  #ended(call: Call): void {
    this.#rest(call);
    call.state = 'ended';
    call.queue.end();
    this.#calls.delete(call.id);
    this.#running -= 1;
    this.#admit();
  }
}
