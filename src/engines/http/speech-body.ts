// The body of a speech answer: raw PCM16, or a WAV of any kind that we read, judged by its type and its first bytes, and
// decoded as it comes. Pure; nothing to close. Whoever asked for audio and gets something else is told what it is.
import { bytesToPcm } from '../../audio/pcm.ts';
import { parseWav, readWavHead, type WavHead } from '../../audio/wav.ts';
import { isRate, type PcmChunk, rateExpected } from '../contract.ts';

/** OpenAI's `pcm`, where the type says no other. */
const rateHzDefault = 24_000;
const wavHeadBytesMax = 65_536;
const riff = 'RIFF';

/** Types that do not contradict raw samples. */
const rawTypes = /^(?:audio\/(?:pcm|x-pcm|l16|raw|x-raw)|(?:application|binary)\/octet-stream)$/;
const wavTypes = /^audio\/(?:x-|vnd\.)?wave?$/;

/** Null for what is no audio that we take. */
export function speechBody(contentType: string | undefined): SpeechBody | null {
  const [type = '', ...parameters] = (contentType ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  if (wavTypes.test(type)) return new SpeechBody('wav', rateHzDefault);
  if (type !== '' && !rawTypes.test(type)) return null;
  const rate = parameters.map((parameter) => /^rate="?(\d+)"?$/.exec(parameter)?.[1]).find(Boolean);
  return new SpeechBody('unknown', Number(rate ?? 0) || rateHzDefault);
}

type Kind = 'unknown' | 'raw' | 'wav';

interface Wav {
  readonly head: WavHead;
  /** Put before each part: so it is a file of its own, in whatever format. */
  readonly start: Buffer;
  leftBytes: number;
}

export class SpeechBody {
  readonly #rateHz: number;
  #kind: Kind;
  #wav: Wav | undefined;
  /** Came, and is not decoded yet: the network cuts anywhere. */
  #rest: Buffer = Buffer.alloc(0);
  #samples = 0;

  constructor(kind: Kind, rateHz: number) {
    this.#kind = kind;
    this.#rateHz = rateHz;
  }

  /** What can be decoded by now; throws on a WAV that we cannot read. */
  push(bytes: Buffer): PcmChunk | undefined {
    const came = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    this.#kind = kindOf(came, this.#kind);
    if (this.#kind === 'unknown') return this.#keep(came);
    return this.#kind === 'raw' ? this.#raw(came) : this.#ofWav(came);
  }

  /** Throws when there was nothing to hear. */
  end(): void {
    if (this.#samples > 0) return;
    const what = this.#kind === 'wav' ? 'a WAV without samples' : `${this.#rest.length} bytes`;
    throw new Error(`its answer has no samples (${what})`);
  }

  #raw(came: Buffer): PcmChunk | undefined {
    const whole = came.length & ~1;
    this.#keep(came.subarray(whole));
    return this.#chunk(bytesToPcm(came.subarray(0, whole)), this.#rateHz);
  }

  #ofWav(came: Buffer): PcmChunk | undefined {
    const wav = this.#wav ?? this.#openWav(came);
    if (!wav) return this.#keep(came);
    const data = this.#wav ? came : came.subarray(wav.head.dataAt);
    this.#wav = wav;
    const { frameBytes } = wav.head;
    // What follows the samples is of no interest.
    const wholeBytes = Math.floor(Math.min(data.length, wav.leftBytes) / frameBytes) * frameBytes;
    wav.leftBytes -= wholeBytes;
    this.#keep(wav.leftBytes < frameBytes ? Buffer.alloc(0) : data.subarray(wholeBytes));
    const { pcm, rateHz } = parseWav(Buffer.concat([wav.start, data.subarray(0, wholeBytes)]));
    return this.#chunk(pcm, rateHz);
  }

  #openWav(came: Buffer): Wav | undefined {
    const head = readWavHead(came);
    if (head) return { head, start: Buffer.from(came.subarray(0, head.dataAt)), leftBytes: head.dataBytes };
    if (came.length > wavHeadBytesMax)
      throw new Error(`its WAV has no samples in its first ${wavHeadBytesMax} bytes`);
    return undefined;
  }

  #keep(rest: Buffer): undefined {
    this.#rest = rest;
  }

  #chunk(pcm: Int16Array, rate: number): PcmChunk | undefined {
    if (!isRate(rate)) throw new Error(`its audio is at ${rate} Hz, not at ${rateExpected}`);
    this.#samples += pcm.length;
    return pcm.length > 0 ? { pcm, rate } : undefined;
  }
}

/** A WAV is one whatever it is called, and raw samples may begin with anything else. */
function kindOf(came: Buffer, kind: Kind): Kind {
  if (kind !== 'unknown') return kind;
  const start = came.toString('latin1', 0, riff.length);
  if (start === riff) return 'wav';
  return riff.startsWith(start) ? 'unknown' : 'raw';
}
