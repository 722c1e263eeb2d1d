// Decodes WebM/Opus and WAV in a thread of their own, shared by all who need it, and started when somebody does. Whoever
// makes it closes it; whoever opens a stream closes that.
//
//     idle ──open──▶ running ──it dies──▶ idle (its streams are lost);   close ──▶ closed
import { Worker } from 'node:worker_threads';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import { DecoderStream } from './decoder-stream.ts';
import type { Container, DecodingReply, DecodingRequest, PlaceWish } from './protocol.ts';

export interface DecodersOptions {
  /** The built `decoding-thread`. */
  readonly file: string;
}

interface Thread {
  readonly worker: Worker;
  readonly ended: PromiseWithResolvers<void>;
  readonly streams: Map<number, DecoderStream>;
  fault: string | undefined;
}

export class Decoders {
  readonly #options: DecodersOptions;
  #thread: Thread | undefined;
  #streams = 0;
  #state: 'open' | 'closed' = 'open';

  constructor(options: DecodersOptions) {
    this.#options = options;
  }

  /** How many streams are open. */
  get count(): number {
    return this.#thread?.streams.size ?? 0;
  }

  /**
   * A stream of bytes that becomes PCM16, mono, at `toHz`; null: it is only looked through, for what `facts` says.
   * @param place told: it may be recorded from its middle
   * @throws GreenroomError `server_shutdown`, `internal_error` where there can be no thread
   */
  open(
    container: Container,
    toHz: number | null,
    { place = 'untold' }: { readonly place?: PlaceWish } = {},
  ): DecoderStream {
    if (this.#state === 'closed') throw new GreenroomError('server_shutdown', 'the gateway is leaving');
    const thread = this.#running();
    this.#streams += 1;
    const id = this.#streams;
    const post = (request: DecodingRequest, moved: readonly ArrayBuffer[] = []) =>
      thread.worker.postMessage(request, moved);
    const stream = new DecoderStream({ id, post, onClose: () => thread.streams.delete(id) });
    thread.streams.set(id, stream);
    post({ type: 'open', stream: id, container, toHz, place });
    return stream;
  }

  /** Ends the thread, and with it every stream. Resolves when it has ended. */
  async close(): Promise<void> {
    this.#state = 'closed';
    const thread = this.#thread;
    await thread?.worker.terminate();
    await thread?.ended.promise;
  }

  #running(): Thread {
    if (this.#thread) return this.#thread;
    let worker: Worker;
    try {
      worker = new Worker(this.#options.file, { name: 'decoding' });
    } catch (cause) {
      const message = `the thread that decodes audio cannot be started: ${messageOf(cause)}`;
      throw new GreenroomError('internal_error', message, { cause });
    }
    const thread: Thread = { worker, ended: Promise.withResolvers(), streams: new Map(), fault: undefined };
    worker.unref();
    worker.on('message', (reply: DecodingReply) => thread.streams.get(reply.stream)?.hear(reply));
    worker.on('error', (error) => {
      thread.fault = messageOf(error);
    });
    worker.on('exit', () => this.#ended(thread));
    this.#thread = thread;
    return thread;
  }

  #ended(thread: Thread): void {
    if (this.#thread === thread) this.#thread = undefined;
    const why = `the thread that decodes audio has ended${thread.fault === undefined ? '' : `: ${thread.fault}`}`;
    for (const stream of [...thread.streams.values()]) stream.lost(why);
    thread.ended.resolve();
  }
}

/** Where there is no such thread. */
export const noDecoders: Pick<Decoders, 'open'> = {
  open(container) {
    throw new GreenroomError('invalid_audio', `audio/${container} cannot be decoded here`);
  },
};
