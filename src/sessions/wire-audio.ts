// The edge between the audio formats of the wire and the PCM16 of inside. Whatever takes work is converted in pieces of
// 200 ms, so that whoever does it can let the others have their turn in between. Nothing to close.
import { bytesPerSample, type Coding, StreamDecoder, StreamEncoder } from '../audio/coding.ts';
import { base64ToBytes } from '../audio/pcm.ts';
import type { Base64Text } from '../wire/base64-text.ts';
import { g711RateHz, type InputFormat, sessionRateHz } from '../wire/session-config.ts';

/** OpenAI's limit for one append; and for what becomes of it inside, where G.711 has six times its size. */
const bytesMax = 15 * 1024 * 1024;
export const secondsMax = bytesMax / 2 / sessionRateHz;
const piecesASecond = 5;

export type CheckedBytes =
  | { readonly state: 'bytes'; readonly bytes: Uint8Array }
  | { readonly state: 'refused'; readonly why: string };

/** Decoding long base64 is work as well. */
const samplesAByte = 1 / 48;

export type CheckedAudio =
  /** `work` of decoding a piece of it, in samples a byte. */
  | { readonly state: 'pieces'; readonly pieces: Iterable<Uint8Array>; readonly work: number }
  | { readonly state: 'refused'; readonly why: string };

/** What is given back of a stream is PCM at the session's rate. */
export function codingOf(format: InputFormat): Coding {
  if (format.type === 'audio/webm') return { law: 'linear', rateHz: sessionRateHz };
  if (format.type === 'audio/pcm') return { law: 'linear', rateHz: format.rate };
  return { law: format.type === 'audio/pcmu' ? 'ulaw' : 'alaw', rateHz: g711RateHz };
}

/** The same of long base64, which is decoded when it is asked for. */
export function checkedAudio(base64: string | Base64Text, coding: Coding | 'webm'): CheckedAudio {
  if (typeof base64 === 'string') {
    const checked = checkedBytes(base64, coding);
    return checked.state === 'refused' ? checked : { state: 'pieces', pieces: [checked.bytes], work: 0 };
  }
  const tooMuch = overMax(base64, coding);
  if (tooMuch) return tooMuch;
  if (base64.state === 'malformed') return notBase64;
  return { state: 'pieces', pieces: decodedTexts(base64), work: samplesAByte };
}

function* decodedTexts(base64: Base64Text): Generator<Uint8Array> {
  for (const text of base64.texts()) yield base64ToBytes(text);
}

const notBase64 = { state: 'refused', why: 'the audio is not base64' } as const;

function overMax({ length }: { readonly length: number }, coding: Coding | 'webm') {
  const codedMax =
    coding === 'webm'
      ? bytesMax
      : Math.min(bytesMax, Math.floor(secondsMax * coding.rateHz) * bytesPerSample(coding));
  if (length <= Math.ceil(codedMax / 3) * 4) return undefined;
  return { state: 'refused', why: `the audio is over ${codedMax} bytes` } as const;
}

/** Base64 that a stranger sent: text that is none, and more than there is room for, is refused. */
export function checkedBytes(base64: string, coding: Coding | 'webm'): CheckedBytes {
  const tooMuch = overMax(base64, coding);
  if (tooMuch) return tooMuch;
  const bytes = base64ToBytes(base64);
  // Node skips what is no base64; the length tells.
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  if (bytes.length === Math.floor((base64.length * 3) / 4) - padding) return { state: 'bytes', bytes };
  return notBase64;
}

/** PCM16 at the session's rate, piece by piece. What is that already stays in one. */
export function* decodedPieces(bytes: Uint8Array, decoder: StreamDecoder): Generator<Int16Array> {
  const { coding } = decoder;
  const pieceBytes = isDirect(coding)
    ? bytes.length
    : (coding.rateHz / piecesASecond) * bytesPerSample(coding);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    yield decoder.push(bytes.subarray(at, at + pieceBytes));
}

/** PCM16 at the session's rate in another coding, piece by piece; what is complete by now. */
export function* encodedPieces(pcm: Int16Array, encoder: StreamEncoder): Generator<Uint8Array> {
  const pieceSamples = isDirect(encoder.coding) ? pcm.length : sessionRateHz / piecesASecond;
  for (let at = 0; at < pcm.length; at += pieceSamples)
    yield encoder.push(pcm.subarray(at, at + pieceSamples));
}

export function decoderFor(coding: Coding): StreamDecoder {
  return new StreamDecoder(coding, sessionRateHz);
}

export function encoderFor(coding: Coding): StreamEncoder {
  return new StreamEncoder(sessionRateHz, coding);
}

/** How much work the conversion of some samples is, in samples: what needs none costs none. */
export function workOf(samples: number, coding: Coding): number {
  return isDirect(coding) ? 0 : samples;
}

function isDirect({ law, rateHz }: Coding): boolean {
  return law === 'linear' && rateHz === sessionRateHz;
}
