// PCM16 as the Realtime wire carries it, base64, in browsers and in Node. Every platform we run on is little endian.

import { check, int16 } from './given.ts';

/** Characters a call may have as arguments; browsers stop at some tens of thousands. */
const charactersMax = 8192;

/** Throws `bad_usage` for anything but samples. */
export function encodeAudio(pcm: Int16Array): string {
  check('pcm', pcm, int16);
  if (typeof Buffer !== 'undefined') {
    return Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString('base64');
  }
  const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let binary = '';
  for (let at = 0; at < bytes.length; at += charactersMax) {
    binary += String.fromCharCode(...bytes.subarray(at, at + charactersMax));
  }
  return btoa(binary);
}

/** Of a `response.output_audio.delta`: samples at 24 kHz. Throws what `atob` throws for what is not base64. */
export function decodeAudio(base64: string): Int16Array {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length & ~1);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return new Int16Array(bytes.buffer);
}
