// The caller's audio on its way in: decoded as its session's input format says, kept by position, bounded. In the lobby
// early audio is bounded by age and bytes, for the session and over all sessions; later by bytes alone. What is over the
// bound goes oldest first, and is told.
import { concatPcm } from '../audio/pcm.ts';
import type { StreamPlace } from '../audio/webm/demuxer.ts';
import { nobodyHears } from '../realtime/hearing.ts';
import type { Conversation, ConversationInput } from '../realtime/state.ts';
import type { ClientEventOf, ClientItem } from '../wire/client-schema.ts';
import { type Abilities, type InputFormat, sessionRateHz } from '../wire/session-config.ts';
import { type AudioBudget, InputAudio } from './input-audio.ts';
import type { LongAudio } from './long-events.ts';
import type { PacedWork } from './paced-work.ts';
import { audioRefused, audioUnheard } from './session-errors.ts';
import { WebmIntake, type WebmIntakeOptions } from './webm-intake.ts';
import {
  type CheckedAudio,
  checkedAudio,
  codingOf,
  decodedPieces,
  decoderFor,
  workOf,
} from './wire-audio.ts';

export interface IntakeOptions {
  readonly budget: AudioBudget;
  readonly early: { readonly ageMs: number; readonly bytesMax: number };
  /** What the session begins with. */
  readonly format: InputFormat;
  readonly work: PacedWork;
  /** What decodes a stream of WebM. */
  readonly webm: Pick<WebmIntakeOptions, 'scope' | 'decoders' | 'onIdle'>;
  readonly hears: Abilities['hears'];
  /** Its name. */
  readonly pipeline: string;
  readonly phase: () => Conversation['phase'];
  readonly feed: (input: ConversationInput) => void;
  /** There is more to hear. */
  readonly onAppended: () => void;
}

type SoundAudio = Extract<CheckedAudio, { state: 'pieces' }>;

/** Input that nothing has taken, once the lobby is behind: about six minutes. */
const inputBytesMax = 16 * 1024 * 1024;

export class Intake {
  readonly audio: InputAudio;
  readonly #options: IntakeOptions;
  readonly #earlyBytesMax: number;
  #decoder: ReturnType<typeof decoderFor>;
  #webm: WebmIntake | undefined;
  #overflow: 'none' | 'told' = 'none';
  #unheard: 'none' | 'told' = 'none';

  constructor(options: IntakeOptions) {
    const { budget, early, format } = options;
    this.#options = options;
    this.audio = new InputAudio(budget);
    this.#earlyBytesMax = Math.min(early.bytesMax, Math.round((early.ageMs * sessionRateHz) / 1000) * 2);
    this.#decoder = decoderFor(codingOf(format));
    this.#webm = this.#webmFor(format);
  }

  /** A stream is being decoded: nothing else of this caller is to be handled meanwhile. */
  get busy(): boolean {
    return this.#webm?.busy ?? false;
  }

  /** Of a stream that came so far: how a recording goes on from here. */
  get place(): StreamPlace | undefined {
    return this.#webm?.place;
  }

  /** @param long what stands for its audio where that is long, by its mark */
  append({ audio, event_id: eventId }: ClientEventOf<'input_audio_buffer.append'>, long: LongAudio): void {
    const { work, feed, hears } = this.#options;
    if (hears === 'nothing') return this.#refuse(eventId);
    if (this.#webm) return this.#webm.append(long(audio), eventId);
    const checked = checkedAudio(long(audio), this.#decoder.coding);
    if (checked.state === 'refused') {
      return feed({ type: 'refused', error: audioRefused(checked.why, 'audio', eventId) });
    }
    work.do(this.#appending(checked));
  }

  /** An item that the client makes, with what is spoken in it: in the input format, as all that it sends. */
  create(event: ClientEventOf<'conversation.item.create'>, long: LongAudio): void {
    const { work, feed } = this.#options;
    const spoken = spokenIn(event.item);
    if (!spoken) return feed({ type: 'client', event });
    if (this.#webm) return this.#webm.create(event, { ...spoken, audio: long(spoken.audio) });
    const checked = checkedAudio(long(spoken.audio), this.#decoder.coding);
    if (checked.state === 'refused') {
      return feed({ type: 'refused', error: audioRefused(checked.why, spoken.param, event.event_id) });
    }
    work.do(this.#creating(event, checked));
  }

  /** The end of a stretch of audio: nothing of it stays in the resampler, to be taken for the next one's. */
  settle(): void {
    this.#take(this.#decoder.flush());
  }

  /** The caller clears the buffer: half a sample that waits for its other half goes with it. */
  clear(): void {
    this.settle();
    this.#decoder.dropHalf();
  }

  /** What comes is in another format. What came stands in the one it came in. */
  use(format: InputFormat): void {
    this.settle();
    this.#decoder = decoderFor(codingOf(format));
    this.#webm?.close();
    this.#webm = this.#webmFor(format);
  }

  /** Lets go of what is before; `why` is for the caller, empty when it is no loss or has been told. */
  drop(beforeSample: number, why: string): void {
    if (beforeSample <= this.audio.startSample) return;
    this.audio.dropBefore(beforeSample);
    this.#options.feed({ type: 'audio_dropped', toSample: beforeSample, why });
  }

  /** The lobby is behind: a later overflow is told anew. */
  ready(): void {
    this.#overflow = 'none';
  }

  close(): void {
    this.#webm?.close();
    this.audio.dropBefore(this.audio.endSample);
  }

  #webmFor({ type }: InputFormat): WebmIntake | undefined {
    if (type !== 'audio/webm') return undefined;
    const { webm, feed } = this.#options;
    return new WebmIntake({ ...webm, feed, onPcm: (pcm) => this.#take(pcm) });
  }

  /** Once: a caller may go on to stream for an hour. */
  #refuse(eventId: string | undefined): void {
    if (this.#unheard === 'told') return;
    this.#unheard = 'told';
    const { feed, pipeline } = this.#options;
    feed({ type: 'refused', error: audioUnheard(nobodyHears(pipeline), eventId) });
  }

  *#appending({ pieces, work }: SoundAudio): Generator<number> {
    const decoder = this.#decoder;
    for (const bytes of pieces) {
      for (const pcm of decodedPieces(bytes, decoder)) {
        this.#take(pcm);
        yield workOf(pcm.length, decoder.coding);
      }
      yield bytes.length * work;
    }
  }

  *#creating(
    event: ClientEventOf<'conversation.item.create'>,
    { pieces: coded, work }: SoundAudio,
  ): Generator<number> {
    // A stream of its own: what is being appended meanwhile has nothing to do with it.
    const decoder = decoderFor(this.#decoder.coding);
    const pieces: Int16Array[] = [];
    for (const bytes of coded) {
      for (const pcm of decodedPieces(bytes, decoder)) {
        pieces.push(pcm);
        yield workOf(pcm.length, decoder.coding);
      }
      yield bytes.length * work;
    }
    const rest = decoder.flush();
    if (rest.length > 0) pieces.push(rest);
    this.#options.feed({ type: 'client', event, audio: concatPcm(pieces) });
  }

  #take(pcm: Int16Array): void {
    if (pcm.length === 0) return;
    const { feed, phase, onAppended } = this.#options;
    this.audio.append(pcm);
    feed({ type: 'audio_appended', samples: pcm.length });
    const lobby = phase() === 'lobby';
    const bytesMax = lobby ? this.#earlyBytesMax : inputBytesMax;
    const excess = this.audio.excess(bytesMax, lobby);
    if (excess > 0) this.#overflowed(this.audio.startSample + excess, bytesMax);
    onAppended();
  }

  #overflowed(toSample: number, bytesMax: number): void {
    const seconds = (bytesMax / 2 / sessionRateHz).toFixed(1);
    const why =
      this.#overflow === 'none' ? `only the last ${seconds} s of input are kept: the oldest was dropped` : '';
    this.#overflow = 'told';
    this.drop(toSample, why);
  }
}

/** The one spoken part of a message: two are refused later. */
function spokenIn(item: ClientItem): { readonly audio: string; readonly param: string } | undefined {
  if (item.type !== 'message' || item.role !== 'user') return undefined;
  const spoken = item.content.flatMap((part, index) =>
    part.type === 'input_audio' && part.audio
      ? [{ audio: part.audio, param: `item.content.${index}.audio` }]
      : [],
  );
  return spoken.length === 1 ? spoken[0] : undefined;
}
