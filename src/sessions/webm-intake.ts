// A caller's stream of WebM/Opus on its way in: decoded elsewhere, one append at a time and in order. While one is decoded
// nothing else of this caller is handled, so that a commit takes effect after all that was appended before it. What is
// broken is told once, and the session goes on: the next piece that begins a stream is heard again.
import type { DecoderStream } from '../audio/decoding/decoder-stream.ts';
import type { Decoders } from '../audio/decoding/decoders.ts';
import { concatPcm } from '../audio/pcm.ts';
import type { StreamPlace } from '../audio/webm/demuxer.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { ConversationInput } from '../realtime/state.ts';
import type { Base64Text } from '../wire/base64-text.ts';
import type { ClientEventOf } from '../wire/client-schema.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { audioBroken, audioRefused } from './session-errors.ts';
import { checkedAudio, secondsMax } from './wire-audio.ts';

export interface WebmIntakeOptions {
  /** Of the session. */
  readonly scope: Scope;
  readonly decoders: Pick<Decoders, 'open'>;
  /** It was busy, and is not any more. */
  readonly onIdle: () => void;
  readonly feed: (input: ConversationInput) => void;
  /** At the session's rate. */
  readonly onPcm: (pcm: Int16Array) => void;
}

type Create = ClientEventOf<'conversation.item.create'>;

interface Spoken {
  readonly audio: string | Base64Text;
  readonly param: string;
}

export class WebmIntake {
  readonly #options: WebmIntakeOptions;
  #state: 'idle' | 'busy' | 'closed' = 'idle';
  #stream: DecoderStream | undefined;

  constructor(options: WebmIntakeOptions) {
    this.#options = options;
  }

  get busy(): boolean {
    return this.#state === 'busy';
  }

  get place(): StreamPlace | undefined {
    return this.#stream?.place;
  }

  append(audio: string | Base64Text, eventId: string | undefined): void {
    const pieces = this.#checked(audio, 'audio', eventId);
    if (!pieces) return;
    const { onPcm } = this.#options;
    this.#work('audio', eventId, async () => {
      for (const bytes of pieces) for await (const pcm of this.#open().decode(bytes)) onPcm(pcm);
    });
  }

  /** An item with a stream of its own in it, from its beginning to its end. */
  create(event: Create, { audio, param }: Spoken): void {
    const coded = this.#checked(audio, param, event.event_id);
    if (!coded) return;
    const { decoders, feed } = this.#options;
    this.#work(param, event.event_id, async () => {
      const stream = decoders.open('webm', sessionRateHz);
      try {
        const pieces: Int16Array[] = [];
        let samples = 0;
        for await (const pcm of decodedBy(stream, coded)) {
          pieces.push(pcm);
          samples += pcm.length;
          if (samples <= secondsMax * sessionRateHz) continue;
          const why = `the audio is longer than ${Math.floor(secondsMax)} s`;
          return feed({ type: 'refused', error: audioRefused(why, param, event.event_id) });
        }
        pieces.push(await stream.end());
        if (this.#state === 'busy') feed({ type: 'client', event, audio: concatPcm(pieces) });
      } finally {
        stream.close();
      }
    });
  }

  /** The stream is over; nothing more of it is heard. */
  close(): void {
    this.#state = 'closed';
    this.#stream?.close();
  }

  #open(): DecoderStream {
    // One whose thread has died cannot go on.
    if (this.#stream?.state !== 'open')
      this.#stream = this.#options.decoders.open('webm', sessionRateHz, { place: 'told' });
    return this.#stream;
  }

  #checked(
    audio: string | Base64Text,
    param: string,
    eventId: string | undefined,
  ): Iterable<Uint8Array> | undefined {
    const checked = checkedAudio(audio, 'webm');
    if (checked.state === 'pieces') return checked.pieces;
    this.#options.feed({ type: 'refused', error: audioRefused(checked.why, param, eventId) });
    return undefined;
  }

  #work(param: string, eventId: string | undefined, work: () => Promise<void>): void {
    const { scope, feed, onIdle } = this.#options;
    // The session is ending: nobody waits for it.
    if (this.#state !== 'idle' || scope.state !== 'open') return;
    this.#state = 'busy';
    scope.spawn('decode audio', async (signal) => {
      try {
        await work();
      } catch (thrown) {
        if (!signal.aborted) feed({ type: 'refused', error: audioBroken(thrown, param, eventId) });
      }
      if (this.#state !== 'busy') return;
      this.#state = 'idle';
      if (!signal.aborted) onIdle();
    });
  }
}

async function* decodedBy(stream: DecoderStream, coded: Iterable<Uint8Array>): AsyncGenerator<Int16Array> {
  for (const bytes of coded) yield* stream.decode(bytes);
}
