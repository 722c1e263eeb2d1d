// The calls that run inside a worker engine: each has its own abort controller, and its answer goes out no faster than
// it is taken.
import type { LoadedEngine, VadStream } from '../contract.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { hostMethods } from './host-methods.ts';
import { checkedFrames } from './module-checks.ts';
import { type CallMethod, chunksAhead, type FromHost, type ToHost } from './protocol.ts';
import { thrownFacts } from './thrown.ts';

interface RunningCall {
  readonly controller: AbortController;
  /** Given to hear, and not taken yet by the engine. */
  readonly given: ChunkQueue<Int16Array>;
  credit: number;
  resume: (() => void) | undefined;
}

interface OpenStream {
  readonly stream: Promise<VadStream>;
  /** Pushes run one after the other. */
  tail: Promise<void>;
  state: 'open' | 'closed';
}

type CallMessage = Exclude<ToHost, { type: 'load' | 'close' }>;

export class HostCalls {
  readonly #engine: LoadedEngine;
  readonly #post: (message: FromHost) => void;
  readonly #calls = new Map<number, RunningCall>();
  readonly #streams = new Map<number, OpenStream>();

  constructor(engine: LoadedEngine, post: (message: FromHost) => void) {
    this.#engine = engine;
    this.#post = post;
  }

  receive(message: CallMessage): void {
    switch (message.type) {
      case 'call':
        return void this.#run(message.id, message.method, message.args);
      case 'open':
        return this.#open(message.id, message.args.rate);
      case 'give':
        return this.#give(message.id, message.pcm);
      case 'push':
        return this.#push(message.id, message.pcm);
      case 'taken':
        return this.#taken(message.id);
      case 'cancel':
        return this.#cancel(message.id);
    }
  }

  cancelAll(): void {
    for (const id of [...this.#calls.keys(), ...this.#streams.keys()]) this.#cancel(id);
  }

  async #run(id: number, method: CallMethod, args: Readonly<Record<string, unknown>>): Promise<void> {
    const call: RunningCall = {
      controller: new AbortController(),
      given: new ChunkQueue(),
      credit: chunksAhead,
      resume: undefined,
    };
    this.#calls.set(id, call);
    const { signal } = call.controller;
    try {
      const { ask, message } = hostMethods[method];
      for await (const value of ask(this.#engine, { args, signal, pcm: this.#heard(id, call) })) {
        if (signal.aborted) break;
        this.#post(message(id, value));
        call.credit -= 1;
        if (call.credit <= 0) await this.#credit(call);
        if (signal.aborted) break;
      }
      this.#post({ type: 'ended', id });
    } catch (error) {
      if (signal.aborted) this.#post({ type: 'ended', id });
      else this.#post(failed(id, error));
    } finally {
      this.#calls.delete(id);
    }
  }

  /** Tells of each that the engine takes. Ends early when the call is cancelled. */
  async *#heard(id: number, { given }: RunningCall): AsyncGenerator<Int16Array> {
    for await (const pcm of given) {
      this.#post({ type: 'given', id });
      yield pcm;
    }
  }

  #give(id: number, pcm: Int16Array | null): void {
    const given = this.#calls.get(id)?.given;
    if (pcm) given?.push(pcm);
    else given?.end();
  }

  #credit(call: RunningCall): Promise<void> {
    return new Promise((resolve) => {
      call.resume = resolve;
    });
  }

  #taken(id: number): void {
    const call = this.#calls.get(id);
    if (!call) return;
    call.credit += 1;
    call.resume?.();
    call.resume = undefined;
  }

  #open(id: number, rate: number): void {
    const stream = (async () => {
      const opened = await this.#engine.vad?.({ rate });
      if (typeof opened?.push !== 'function' || typeof opened.close !== 'function')
        throw new Error('vad() gave nothing with push() and close()');
      return opened;
    })();
    const open: OpenStream = { stream, tail: Promise.resolve(), state: 'open' };
    this.#streams.set(id, open);
    stream.catch((error: unknown) => this.#streamFailed(id, open, error));
  }

  #push(id: number, pcm: Int16Array): void {
    const open = this.#streams.get(id);
    if (!open) return;
    open.tail = open.tail.then(async () => {
      if (open.state === 'closed') return;
      try {
        const value = checkedFrames(await (await open.stream).push(pcm));
        this.#post({ type: 'pushed', id, value });
      } catch (error) {
        this.#streamFailed(id, open, error);
      }
    });
  }

  #cancel(id: number): void {
    const call = this.#calls.get(id);
    if (call) {
      call.controller.abort('cancelled');
      call.given.drop();
      call.resume?.();
      call.resume = undefined;
    }
    const open = this.#streams.get(id);
    if (!open) return;
    this.#streams.delete(id);
    void this.#closeStream(open).then(() => this.#post({ type: 'ended', id }));
  }

  #streamFailed(id: number, open: OpenStream, error: unknown): void {
    if (open.state === 'closed') return;
    this.#streams.delete(id);
    this.#post(failed(id, error));
    void this.#closeStream(open);
  }

  /** At once: a push under way is cut short by it. Never rejects. */
  async #closeStream(open: OpenStream): Promise<void> {
    open.state = 'closed';
    const stream = await open.stream.catch(() => undefined);
    try {
      await stream?.close();
    } catch (error) {
      console.error('closing a stream failed:', error);
    }
    await open.tail;
  }
}

function failed(id: number, error: unknown): FromHost {
  return { type: 'call_failed', id, ...thrownFacts(error) };
}
