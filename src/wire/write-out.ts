// Writes to a socket, and tells when that has left for the kernel. Mostly it has when `write` returns: a callback of
// the stream's would come a turn later, and costs more than all else about a short frame.
import type { Writable } from 'node:stream';
import type { TextFrame } from './text-frame.ts';

const nothing = Buffer.alloc(0);

/**
 * A frame that more was read behind waits for the end of this turn of the loop: what follows it leaves in the same
 * write. So it is as soon as it could be, and a burst costs one write.
 */
export function writeFrame(below: Writable, frame: TextFrame, onGone: () => void): void {
  if (frame.followed && below.writableCorked === 0) {
    below.cork();
    process.nextTick(() => below.uncork());
  }
  if (below.writableCorked === 0) writeOut(below, frame.bytes, onGone);
  else below.write(frame.bytes, () => onGone());
}

/** `onGone` runs when the bytes have left, or never will: before this returns where that is so already. */
export function writeOut(below: Writable, bytes: Buffer, onGone: () => void): void {
  below.write(bytes);
  if (below.writableLength === 0) onGone();
  else below.write(nothing, () => onGone());
}
