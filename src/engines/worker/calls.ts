// The gateway's side of a worker engine's calls: lanes, waiting, streaming, cancellation, stalls. A call occupies its
// lane until the host says that it has really ended; one that ignores its cancel keeps it, its result is dropped.
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { PcmChunk, VadStream } from '../contract.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { type CallMessage, chunksAhead, type ToHost } from './protocol.ts';
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

interface Call {
  readonly id: number;
  readonly args: Readonly<Record<string, unknown>>;
  readonly queue: ChunkQueue<PcmChunk>;
  state: 'waiting' | 'running' | 'cancelled' | 'ended';
  /** Chunks given by the host and not yet taken by the consumer. */
  ahead: number;
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

  get active(): number {
    return this.#running + this.#streams.size;
  }

  /** The engine has loaded and takes this many calls at a time. */
  open(concurrency: number): void {
    this.#lanes = concurrency;
    this.#admit();
  }

  /** Chunks are made no faster than they are taken. Ends early, without an error, when the signal aborts. */
  async *speak(args: Readonly<Record<string, unknown>>, signal: AbortSignal): AsyncGenerator<PcmChunk> {
    if (signal.aborted) return;
    const call = this.#enqueue(args);
    const onAbort = () => this.#cancel(call);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const chunk of call.queue) {
        this.#taken(call);
        yield chunk;
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
      case 'chunk':
        return this.#chunk(call, message.value);
      case 'call_failed':
        call.queue.fail(this.#failed(message.message));
        return this.#ended(call);
      case 'ended':
        return this.#ended(call);
    }
  }

  /** There is nobody to answer any more: everything under way fails, and whatever is asked from now on. */
  close(error: GreenroomError): void {
    this.#closed ??= error;
    for (const call of [...this.#calls.values(), ...this.#waiting.splice(0)]) {
      call.timer?.cancel();
      call.state = 'ended';
      call.queue.fail(error);
    }
    this.#calls.clear();
    this.#running = 0;
    for (const stream of this.#streams.values()) stream.fail(error);
    this.#lag.close();
    this.#streams.clear();
  }

  #enqueue(args: Readonly<Record<string, unknown>>): Call {
    if (this.#closed) throw this.#closed;
    const { engine, limits } = this.#options;
    const { waitingMax } = limits;
    if (this.#running >= this.#lanes && this.#waiting.length >= waitingMax) {
      const facts = `${this.#running} calls run and ${waitingMax} wait`;
      throw new GreenroomError('engine_busy', `engine ${engine} is busy: ${facts}`);
    }
    const call: Call = {
      id: ++this.#lastId,
      args,
      queue: new ChunkQueue(),
      state: 'waiting',
      ahead: 0,
      timer: undefined,
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
      this.#watch(call);
      this.#options.post({ type: 'call', id: call.id, method: 'speak', args: call.args });
    }
  }

  #chunk(call: Call, chunk: PcmChunk): void {
    if (call.state !== 'running') return;
    call.ahead += 1;
    call.queue.push(chunk);
    // With all its credit used the engine owes nothing: now the consumer is waited for, who may take his time.
    if (call.ahead >= chunksAhead) call.timer?.cancel();
    else this.#watch(call);
  }

  #taken(call: Call): void {
    if (call.state !== 'running') return;
    if (call.ahead === chunksAhead) this.#watch(call);
    call.ahead -= 1;
    this.#options.post({ type: 'taken', id: call.id });
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
    call.timer?.cancel();
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

  /** Restarts the stall clock of a call. */
  #watch(call: Call): void {
    const { engine, limits, onStall } = this.#options;
    const { clock, stallMs } = limits;
    call.timer?.cancel();
    const stalled = () => {
      const message = `engine ${engine}: a call gave nothing for ${stallMs} ms`;
      onStall(new GreenroomError('engine_stalled', message));
    };
    call.timer = clock.after(stallMs, stalled, { ref: false });
  }

  #failed(why: string): GreenroomError {
    return new GreenroomError('engine_call_failed', `engine ${this.#options.engine}: speak failed: ${why}`);
  }

  #ended(call: Call): void {
    call.timer?.cancel();
    call.state = 'ended';
    call.queue.end();
    this.#calls.delete(call.id);
    this.#running -= 1;
    this.#admit();
  }
}
