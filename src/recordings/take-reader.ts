// What a take hears, event by event: its line for events.jsonl, and the sound in it. Audio is taken out of the lines: they
// say how many bytes it was, and where it is in the files. Knows no file; runs in the recordings' thread.
import type { Coding, StreamDecoder } from '../audio/coding.ts';
import { beginsWebm, type StreamPlace } from '../audio/webm/demuxer.ts';
import { WebmFollower } from '../audio/webm/follower.ts';
import { opusRateHz } from '../audio/webm/opus-head.ts';
import { checkedBytes, codingOf, decodedPieces, decoderFor } from '../sessions/wire-audio.ts';
import {
  type AudioFormat,
  effectiveFormat,
  type InputFormat,
  sessionRateHz,
} from '../wire/session-config.ts';
import type { CallerSound } from './caller-files.ts';
import type { Step } from './protocol.ts';

export interface Read {
  /** With its newline. */
  readonly line: string;
  readonly caller: readonly CallerSound[];
  /** PCM16 at the session's rate. */
  readonly assistant: readonly Int16Array[];
}

type Heard = Extract<Step, { readonly type: 'event' }>;
type JsonEvent = Readonly<Record<string, unknown>>;

const formatDefault = effectiveFormat(null);
/** What nests deeper is left as it is. */
const levelsMax = 64;
const oddCharsMax = 1000;
const answersMax = 8;

/** One side: decoded as one stream, and counted. */
class Side {
  samples = 0;
  readonly formats: string[] = [];

  decode(base64: string, decoder: StreamDecoder) {
    const checked = checkedBytes(base64, decoder.coding);
    const atSample = this.samples;
    if (checked.state === 'refused')
      return { pcm: [], shown: { bytes: 0, samples: 0, at_sample: atSample, refused: checked.why } };
    this.#note(decoder);
    const pcm = [...decodedPieces(checked.bytes, decoder)].filter(({ length }) => length > 0);
    const samples = this.count(pcm);
    return { pcm, shown: { bytes: checked.bytes.length, samples, at_sample: atSample } };
  }

  count(pcm: readonly Int16Array[]): number {
    const samples = pcm.reduce((sum, { length }) => sum + length, 0);
    this.samples += samples;
    return samples;
  }

  #note({ coding: { law, rateHz } }: StreamDecoder): void {
    const words = wordsOf({ law, rateHz });
    if (!this.formats.includes(words)) this.formats.push(words);
  }
}

const wordsOf = ({ law, rateHz }: Coding): string =>
  ({ linear: `audio/pcm ${rateHz}`, ulaw: 'audio/pcmu', alaw: 'audio/pcma' })[law];

/** The caller's WebM: kept as it comes, and looked through for how long it is. */
class WebmSide {
  #follower = new WebmFollower();
  #skip = 0;
  #stream: 'begin' | 'same' = 'begin';

  /** What comes is of a stream that began before. */
  goOn({ lead, skip }: StreamPlace): CallerSound {
    const sound = this.#read(lead);
    this.#skip = skip;
    return sound;
  }

  read(base64: string, atSample: number) {
    const checked = checkedBytes(base64, 'webm');
    if (checked.state === 'refused')
      return {
        sounds: [],
        samples: 0,
        shown: { bytes: 0, samples: 0, at_sample: atSample, refused: checked.why },
      };
    const { bytes } = checked;
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    if (beginsWebm(bytes)) this.#stream = 'begin';
    const sound = this.#read(bytes.subarray(skipped));
    // At the session's rate, as all that is said of positions.
    const samples = Math.round((sound.samples * sessionRateHz) / opusRateHz);
    return { sounds: [sound], samples, shown: { bytes: bytes.length, samples, at_sample: atSample } };
  }

  #read(bytes: Uint8Array) {
    const before = this.#follower.samples;
    this.#follower.feed(bytes);
    while (this.#follower.next());
    const stream = this.#stream;
    this.#stream = 'same';
    return { container: 'webm', bytes, samples: this.#follower.samples - before, stream } as const;
  }
}

export class TakeReader {
  readonly caller = new Side();
  readonly assistant = new Side();
  readonly #formats: 'asked' | 'told';
  #input = decoderFor(codingOf(formatDefault));
  /** While that is what the caller sends. */
  #webm: WebmSide | undefined;
  #inputFormat: InputFormat = formatDefault;
  #outputFormat: AudioFormat = formatDefault;
  /** By response: several may be told at a time, and each is a stream of its own. */
  readonly #answers = new Map<string, StreamDecoder>();

  /** @param context events that were told before, and say which formats are in effect */
  constructor(formats: 'asked' | 'told', context: readonly string[] = []) {
    this.#formats = formats;
    for (const text of context) this.#formatsIn('gateway', parsed(text) ?? {});
  }

  read({ from, ms, text }: Pick<Heard, 'from' | 'ms' | 'text'>): Read {
    const event = parsed(text);
    if (!event) return { line: odd(from, ms, text), caller: [], assistant: [] };
    const caller = [...this.#formatsIn(from, event)];
    const assistant: Int16Array[] = [];
    let shown: unknown = event;
    const { type, audio, delta } = event;
    if (from === 'caller' && type === 'input_audio_buffer.append' && typeof audio === 'string') {
      const heard = this.#heard(audio);
      caller.push(...heard.sounds);
      shown = { ...event, audio: heard.shown };
    } else if (from === 'gateway' && isAudioDelta(type) && typeof delta === 'string') {
      const decoded = this.assistant.decode(delta, this.#answer(event));
      assistant.push(...decoded.pcm);
      shown = { ...event, delta: decoded.shown };
    } else shown = withoutAudio(event, levelsMax);
    if (from === 'caller' && /^input_audio_buffer\.(?:commit|clear)$/.test(String(type))) {
      caller.push(...this.#settle());
      if (type === 'input_audio_buffer.clear') this.#input.dropHalf();
    }
    if (from === 'gateway' && type === 'response.done') assistant.push(...this.#answered(event));
    return { line: lineOf(from, ms, shown, text), caller, assistant };
  }

  /** What comes is of a stream of WebM that began before. */
  goOn(place: StreamPlace): readonly CallerSound[] {
    return this.#webm ? [this.#webm.goOn(place)] : [];
  }

  /** What is left in the resamplers. */
  end(): Pick<Read, 'caller' | 'assistant'> {
    const assistant = [...this.#answers.values()].map((decoder) => decoder.flush());
    this.#answers.clear();
    this.assistant.count(assistant);
    return { caller: this.#settle(), assistant };
  }

  /** Returns what the decoder before still had. */
  #formatsIn(from: 'caller' | 'gateway', { type, session, response }: JsonEvent): readonly CallerSound[] {
    if (from === 'gateway' && (type === 'session.created' || type === 'session.updated')) {
      this.#outputFormat = plain(formatAt(session, 'output')) ?? this.#outputFormat;
      return this.#use(formatAt(session, 'input'));
    }
    if (from === 'gateway' && type === 'transcription_session.updated')
      return this.#use(legacyFormat(session));
    if (from === 'gateway' && type === 'response.created') {
      const { id } = (response ?? {}) as { readonly id?: unknown };
      const format = plain(formatAt(response, 'output')) ?? this.#outputFormat;
      if (typeof id === 'string') this.#keep(id, format);
    }
    if (from === 'caller' && type === 'session.update' && this.#formats === 'asked')
      return this.#use(formatAt(session, 'input'));
    return [];
  }

  #heard(audio: string): { readonly sounds: readonly CallerSound[]; readonly shown: unknown } {
    if (this.#webm) {
      const { sounds, samples, shown } = this.#webm.read(audio, this.caller.samples);
      this.caller.samples += samples;
      return { sounds, shown };
    }
    const { pcm, shown } = this.caller.decode(audio, this.#input);
    return { sounds: pcm.map((piece) => this.#sound(piece)), shown };
  }

  #sound(pcm: Int16Array): CallerSound {
    return { container: 'wav', pcm, format: wordsOf(this.#input.coding) };
  }

  #use(format: InputFormat | undefined): readonly CallerSound[] {
    if (!format || JSON.stringify(format) === JSON.stringify(this.#inputFormat)) return [];
    const rest = this.#settle();
    this.#inputFormat = format;
    this.#input = decoderFor(codingOf(format));
    this.#webm = format.type === 'audio/webm' ? new WebmSide() : undefined;
    return rest;
  }

  #settle(): readonly CallerSound[] {
    const rest = this.#input.flush();
    this.caller.count([rest]);
    return rest.length > 0 ? [this.#sound(rest)] : [];
  }

  #answer({ response_id: id }: JsonEvent): StreamDecoder {
    return this.#answers.get(String(id)) ?? this.#keep(String(id), this.#outputFormat);
  }

  #keep(id: string, format: AudioFormat): StreamDecoder {
    const decoder = decoderFor(codingOf(format));
    const [oldest] = this.#answers.keys();
    // An upstream may end none of them.
    if (this.#answers.size >= answersMax && oldest !== undefined) this.#answers.delete(oldest);
    this.#answers.set(id, decoder);
    return decoder;
  }

  #answered({ response }: JsonEvent): readonly Int16Array[] {
    const id = String((response as { readonly id?: unknown } | undefined)?.id);
    const rest = this.#answers.get(id)?.flush();
    this.#answers.delete(id);
    if (!rest || rest.length === 0) return [];
    this.assistant.count([rest]);
    return [rest];
  }
}

function parsed(text: string): JsonEvent | undefined {
  try {
    const event: unknown = JSON.parse(text);
    return typeof event === 'object' && event !== null && !Array.isArray(event)
      ? (event as JsonEvent)
      : undefined;
  } catch {
    // An upstream may send anything.
    return undefined;
  }
}

const isAudioDelta = (type: unknown): boolean =>
  type === 'response.output_audio.delta' || type === 'response.audio.delta';

const plain = (format: InputFormat | undefined): AudioFormat | undefined =>
  format?.type === 'audio/webm' ? undefined : format;

function formatAt(of: unknown, side: 'input' | 'output'): InputFormat | undefined {
  const { audio } = (of ?? {}) as {
    readonly audio?: Readonly<Record<string, { readonly format?: unknown }>>;
  };
  const format = audio?.[side]?.format as Parameters<typeof effectiveFormat>[0] | undefined;
  const known = ['audio/pcm', 'audio/pcmu', 'audio/pcma', 'audio/webm'].includes(String(format?.type));
  return format && known ? effectiveFormat(format) : undefined;
}

const legacyFormats: Readonly<Record<string, InputFormat>> = {
  pcm16: formatDefault,
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
  'audio/webm': { type: 'audio/webm' },
};

function legacyFormat(session: unknown): InputFormat | undefined {
  return legacyFormats[String((session as JsonEvent | undefined)?.['input_audio_format'])];
}

/** Wherever an item or part has base64 of audio. */
function withoutAudio(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null || levels === 0) return value;
  if (Array.isArray(value)) return value.map((inner) => withoutAudio(inner, levels - 1));
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] =>
    key === 'audio' && typeof inner === 'string'
      ? [key, { bytes: Buffer.byteLength(inner, 'base64') }]
      : [key, withoutAudio(inner, levels - 1)],
  );
  return Object.fromEntries(entries);
}

function lineOf(from: Heard['from'], ms: number, event: unknown, text: string): string {
  try {
    return `${JSON.stringify({ ms, from, event })}\n`;
  } catch {
    // It nests too deep to be written out again.
    return odd(from, ms, text);
  }
}

const odd = (from: Heard['from'], ms: number, text: string): string =>
  `${JSON.stringify({ ms, from, chars: text.length, text: text.slice(0, oddCharsMax) })}\n`;
