// The caller's sound of a recording, from its beginning to its end: read in pieces, without the loop waiting for the
// disk, and never more of it held than one. Whoever opens it closes it; then whoever reads finds its end.
import type { FileHandle } from 'node:fs/promises';
import { parseWav, readWavHead, WavError, type WavHead } from '../audio/wav.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import type { TakeFacts } from '../recordings/facts.ts';
import { openTakeFile } from '../recordings/take-file.ts';

export interface CallerTrack {
  readonly rateHz: number;
  readonly durationMs: number;
  /** PCM16, mono. Read once. Throws `recording_unplayable` where it breaks off before its end. */
  readonly chunks: AsyncIterable<Int16Array>;
  close(): Promise<void>;
}

export type OpenTrack = (root: string, take: TakeFacts) => Promise<CallerTrack>;

/** What may stand before the samples: recorders put names and dates there. */
const headBytesMax = 64 * 1024;
const chunkMs = 100;

/** Throws `recording_unplayable` when it is missing, broken or empty. */
export const openCallerTrack: OpenTrack = async (root, take) => {
  const { file } = take.caller;
  const handle = await openTakeFile(root, take, file).catch((cause: unknown) => {
    throw unplayable(take, `${file} is missing, or is no file of ours`, cause);
  });
  try {
    const start = new Uint8Array(headBytesMax);
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    const { size } = await handle.stat();
    return wavTrack(handle, take, checkedHead(take, start.subarray(0, bytesRead), size));
  } catch (thrown) {
    await handle.close();
    if (thrown instanceof WavError) throw unplayable(take, `${file} is broken: ${thrown.message}`, thrown);
    throw thrown;
  }
};

interface Checked {
  readonly head: WavHead;
  /** All that stands before the samples. */
  readonly start: Uint8Array;
  readonly end: number;
}

function checkedHead(take: TakeFacts, start: Uint8Array, size: number): Checked {
  const { file } = take.caller;
  const head = readWavHead(start);
  if (!head) throw new WavError(`no "data" chunk within its first ${start.length} bytes`);
  const { dataAt, dataBytes, frameBytes } = head;
  const known = Number.isFinite(dataBytes);
  if (known && dataAt + dataBytes > size)
    throw unplayable(take, `${file} is cut: ${size} bytes of ${dataAt + dataBytes} are there`);
  const end = known ? dataAt + dataBytes : size;
  if (end - dataAt < frameBytes) throw unplayable(take, `nothing of the caller is in ${file}`);
  return { head, start: start.slice(0, dataAt), end };
}

function wavTrack(handle: FileHandle, take: TakeFacts, { head, start, end }: Checked): CallerTrack {
  const { rateHz, dataAt, frameBytes } = head;
  const frames = Math.floor((end - dataAt) / frameBytes);
  const stepBytes = Math.max(1, Math.round((rateHz * chunkMs) / 1000)) * frameBytes;
  let state: 'open' | 'closed' = 'open';
  async function* chunks(): AsyncGenerator<Int16Array> {
    const lastAt = dataAt + frames * frameBytes;
    for (let at = dataAt; at < lastAt && state === 'open'; at += stepBytes) {
      const bytes = await readWhole(handle, at, Math.min(stepBytes, lastAt - at)).catch((cause: unknown) => {
        if (state === 'closed') return undefined;
        throw unplayable(take, `${take.caller.file} cannot be read: ${messageOf(cause)}`, cause);
      });
      if (!bytes || state !== 'open') return;
      if (bytes.length < Math.min(stepBytes, lastAt - at))
        throw unplayable(take, `${take.caller.file} was cut while it was played`);
      // With the head before it, each piece is a file of its own, whatever its format.
      yield parseWav(Buffer.concat([start, bytes])).pcm;
    }
  }
  return {
    rateHz,
    durationMs: (frames * 1000) / rateHz,
    chunks: chunks(),
    async close() {
      if (state === 'closed') return;
      state = 'closed';
      await handle.close();
    },
  };
}

async function readWhole(handle: FileHandle, from: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await handle.read(bytes, at, length - at, from + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

export function unplayable(take: TakeFacts, why: string, cause?: unknown): GreenroomError {
  const message = `recording ${take.id} cannot be played back: ${why}`;
  return new GreenroomError('recording_unplayable', message, { cause, details: { recording: take.id } });
}
