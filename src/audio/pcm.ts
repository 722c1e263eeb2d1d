// PCM16 (signed, mono, little endian) in its three shapes: base64 on the wire, bytes in frames and files, and
// Int16Array where we compute. Pure functions; nothing to close. Views are shared where the alignment allows it,
// so whoever keeps samples beyond the call must not let the bytes be overwritten.
// Every platform we run on is little endian, so an Int16Array over the bytes is the samples.

const bytesPerSample = 2;

/** A half sample at the end is left out; a stream that may be cut anywhere has to carry its odd byte itself. */
export function bytesToPcm(bytes: Uint8Array): Int16Array {
  const length = Math.floor(bytes.byteLength / bytesPerSample);
  if (bytes.byteOffset % bytesPerSample === 0) return new Int16Array(bytes.buffer, bytes.byteOffset, length);
  const aligned = bytes.slice(0, length * bytesPerSample);
  // A Buffer's slice is a view again, and as odd as before.
  if (aligned.byteOffset % bytesPerSample === 0)
    return new Int16Array(aligned.buffer, aligned.byteOffset, length);
  return new Int16Array(new Uint8Array(aligned).buffer, 0, length);
}

/** A view on the samples, no copy. */
export function pcmToBytes(pcm: Int16Array): Uint8Array {
  return new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
}

/** Characters outside the alphabet are skipped as Buffer does; whoever takes strangers' text checks it before. */
export function base64ToPcm(base64: string): Int16Array {
  return bytesToPcm(base64ToBytes(base64));
}

/** The bytes own their memory. */
export function base64ToBytes(base64: string): Uint8Array {
  if (typeof Buffer === 'undefined') return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  // Not Buffer.from: that hands out small results from a shared pool, which cannot be transferred to a worker.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(base64, 'base64'));
  return bytes.subarray(0, bytes.write(base64, 'base64'));
}

export function pcmToBase64(pcm: Int16Array): string {
  return bytesToBase64(pcmToBytes(pcm));
}

export function bytesToBase64(bytes: Uint8Array): string {
  if (typeof Buffer !== 'undefined') {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  }
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function durationMs(samples: number, rateHz: number): number {
  return (samples * 1000) / rateHz;
}

/** Whole samples nearest to `ms`. */
export function samplesIn(ms: number, rateHz: number): number {
  return Math.round((ms * rateHz) / 1000);
}

/** The nearest 16-bit sample: a value out of range saturates, and never wraps to the other sign. */
export function toSample(value: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(value)));
}

export function concatPcm(chunks: readonly Int16Array[]): Int16Array {
  if (chunks.length === 1 && chunks[0]) return chunks[0];
  const all = new Int16Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
