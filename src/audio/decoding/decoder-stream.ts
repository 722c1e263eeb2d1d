// One stream that the decoding thread decodes: bytes in, PCM16 out, one piece at a time. Whoever opens it closes it; nothing
// of it comes after that.
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { StreamPlace } from '../webm/demuxer.ts';
import { PlaceListener } from './place-changes.ts';
import type { DecodingReply, DecodingRequest, StreamFacts } from './protocol.ts';

export interface DecoderStreamOptions {
  readonly id: number;
  readonly post: (request: DecodingRequest, moved?: readonly ArrayBuffer[]) => void;
  readonly onClose: () => void;
}

/** Given to the thread at a time. */
const pushBytesMax = 16 * 1024;

type Answer = DecodingReply | 'closed' | { readonly lost: string };

export class DecoderStream {
  readonly #options: DecoderStreamOptions;
  #state: 'open' | 'lost' | 'closed' = 'open';
  #asked: PromiseWithResolvers<Answer> | undefined;
  #facts: StreamFacts | null = null;
  readonly #place = new PlaceListener();
  #why = '';

  constructor(options: DecoderStreamOptions) {
    this.#options = options;
  }

  get state(): 'open' | 'lost' | 'closed' {
    return this.#state;
  }

  /** As far as it was read; null: nothing is known yet. */
  get facts(): StreamFacts | null {
    return this.#facts;
  }

  /** Of a WebM whose place is told: how to go on from here; undefined: at the beginning, or it is broken. */
  get place(): StreamPlace | undefined {
    return this.#place.place;
  }

  /**
   * What these bytes complete; all of it, in order. One call at a time. Ends early when the stream is closed meanwhile.
   * @throws GreenroomError `invalid_audio` with the position: the stream is broken, and what comes is passed over until a new
   * one begins; `internal_error`: the thread is gone, and this stream with it
   */
  async *decode(bytes: Uint8Array): AsyncGenerator<Int16Array> {
    for (let at = 0; at < bytes.length; at += pushBytesMax) {
      // A copy: the other thread's own.
      const piece = new Uint8Array(bytes.subarray(at, at + pushBytesMax));
      let reply = await this.#ask({ type: 'push', stream: this.#options.id, bytes: piece }, [piece.buffer]);
      while (reply) {
        if (reply.pcm.length > 0) yield reply.pcm;
        if (reply.fault) throw broken(reply.fault);
        if (reply.state === 'through') break;
        reply = await this.#ask({ type: 'more', stream: this.#options.id });
      }
      if (!reply) return;
    }
  }

  /** The rest: nothing more comes. Throws as `decode`. */
  async end(): Promise<Int16Array> {
    const reply = await this.#ask({ type: 'end', stream: this.#options.id });
    if (reply?.fault) throw broken(reply.fault);
    return reply?.pcm ?? new Int16Array(0);
  }

  /** Idempotent. Who waits for a piece gets none. */
  close(): void {
    if (this.#state === 'open') this.#options.post({ type: 'close', stream: this.#options.id });
    this.#state = 'closed';
    this.#asked?.resolve('closed');
    this.#options.onClose();
  }

  hear(reply: DecodingReply): void {
    this.#facts = reply.facts ?? this.#facts;
    if (reply.place) this.#place.hear(reply.place);
    this.#asked?.resolve(reply);
  }

  lost(why: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'lost';
    this.#why = why;
    this.#asked?.resolve({ lost: why });
    this.#options.onClose();
  }

  async #ask(
    request: DecodingRequest,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<DecodingReply | undefined> {
    if (this.#state === 'closed') return undefined;
    if (this.#state === 'lost') throw new GreenroomError('internal_error', this.#why);
    const asked = Promise.withResolvers<Answer>();
    this.#asked = asked;
    this.#options.post(request, moved);
    const answer = await asked.promise;
    if (answer === 'closed') return undefined;
    if ('lost' in answer) throw new GreenroomError('internal_error', answer.lost);
    return answer;
  }
}

const broken = ({ message, atByte }: { readonly message: string; readonly atByte: number | null }) =>
  new GreenroomError('invalid_audio', message, { details: { at_byte: atByte } });
