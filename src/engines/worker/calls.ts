// The gateway's side of a worker engine's calls: lanes, waiting, streaming, cancellation, stalls. A call occupies its
// lane until the host says that it has really ended; one that ignores its cancel keeps it, its result is dropped.
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { PcmChunk, VadStream } from '../contract.ts';
import { ChunkQueue } from './chunk-queue.ts';
import type { FromHost, ToHost } from './protocol.ts';
import { VadCall } from './vad-call.ts';

export interface CallLimits {
  readonly clock: Clock;
  /** A call under way that gives nothing for this long: the worker is given up. */
  readonly stallMs: number;
  /** How long a cancelled call may take before it is told as ignoring its signal. */
  readonly cancelGraceMs: number;
  readonly waitingMax: number;
  /** For what is worth a line in the log but is nobody's error. */
  readonly note: (message: string) => void;
}

type CallMessage = Extract<FromHost, { id: number }>;

interface Call {
  readonly id: number;
  readonly args: Readonly<Record<string, unknown>>;
  readonly queue: ChunkQueue<PcmChunk>;
  state: 'waiting' | 'running' | 'cancelled' | 'ended';
  timer: Timer | undefined;
}

export class WorkerCalls {
  readonly #engine: string;
  readonly #post: (message: ToHost) => void;
  readonly #limits: CallLimits;
  readonly #onStall: (error: GreenroomError) => void;
  readonly #calls = new Map<number, Call>();
  readonly #streams = new Map<number, VadCall>();
  readonly #waiting: Call[] = [];
  #lanes = 0;
  #running = 0;
  #lastId = 0;

  constructor(
    engine: string,
    post: (message: ToHost) => void,
    limits: CallLimits,
    onStall: (error: GreenroomError) => void,
  ) {
    this.#engine = engine;
    this.#post = post;
    this.#limits = limits;
    this.#onStall = onStall;
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
        this.#post({ type: 'taken', id: call.id });
        yield chunk;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#cancel(call);
    }
  }

  /** Streams have no lane: a frame takes milliseconds, and every session holds one for as long as it lasts. */
  openVad(rateHz: number): VadStream {
    const id = ++this.#lastId;
    const stream = new VadCall(id, this.#post, this.#engine, this.#limits, this.#onStall);
    this.#streams.set(id, stream);
    this.#post({ type: 'open', id, args: { rate: rateHz } });
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
    if (message.type === 'chunk') {
      this.#watch(call);
      if (call.state === 'running') call.queue.push(message.value as PcmChunk);
      return;
    }
    if (message.type === 'call_failed') {
      call.queue.fail(
        new GreenroomError('engine_call_failed', `engine ${this.#engine}: speak failed: ${message.message}`),
      );
    }
    this.#ended(call);
  }

  failAll(error: GreenroomError): void {
    for (const call of [...this.#calls.values(), ...this.#waiting.splice(0)]) {
      call.timer?.cancel();
      call.state = 'ended';
      call.queue.fail(error);
    }
    this.#calls.clear();
    this.#running = 0;
    for (const stream of this.#streams.values()) stream.fail(error);
    this.#streams.clear();
  }

  #enqueue(args: Readonly<Record<string, unknown>>): Call {
    const { waitingMax } = this.#limits;
    if (this.#running >= this.#lanes && this.#waiting.length >= waitingMax) {
      const facts = `${this.#running} calls run and ${waitingMax} wait`;
      throw new GreenroomError('engine_busy', `engine ${this.#engine} is busy: ${facts}`);
    }
    const call: Call = {
      id: ++this.#lastId,
      args,
      queue: new ChunkQueue(),
      state: 'waiting',
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
      this.#post({ type: 'call', id: call.id, method: 'speak', args: call.args });
    }
  }

  #cancel(call: Call): void {
    if (call.state === 'waiting') {
      this.#waiting.splice(this.#waiting.indexOf(call), 1);
      call.state = 'ended';
      return call.queue.end();
    }
    if (call.state !== 'running') return;
    call.state = 'cancelled';
    call.queue.end();
    this.#post({ type: 'cancel', id: call.id });
    call.timer?.cancel();
    const { clock, cancelGraceMs, note } = this.#limits;
    call.timer = clock.after(
      cancelGraceMs,
      () => {
        note(
          `engine ${this.#engine}: a cancelled call still runs after ${cancelGraceMs} ms; its lane stays busy`,
        );
        this.#watch(call);
      },
      { ref: false },
    );
  }

  /** Restarts the stall clock of a call. */
  #watch(call: Call): void {
    const { clock, stallMs } = this.#limits;
    call.timer?.cancel();
    call.timer = clock.after(
      stallMs,
      () => {
        this.#onStall(
          new GreenroomError(
            'engine_stalled',
            `engine ${this.#engine}: a call gave nothing for ${stallMs} ms`,
          ),
        );
      },
      { ref: false },
    );
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
