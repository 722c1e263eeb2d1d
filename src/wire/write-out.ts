// Writes to a socket, and tells when that has left for the kernel. Mostly it has when `write` returns: a callback of
// the stream's would come a turn later, and costs more than all else about a short frame.
import type { Writable } from 'node:stream';

const nothing = Buffer.alloc(0);

/** `onGone` runs when the bytes have left, or never will: before this returns where that is so already. */
export function writeOut(below: Writable, bytes: Buffer, onGone: () => void): void {
  below.write(bytes);
  if (below.writableLength === 0) onGone();
  else below.write(nothing, () => onGone());
}
