// What a gateway that was killed has left: takes that say that they are being recorded. Their headers get the length that
// the files have, a line that was cut goes, and they are marked. Blocks, and is for the recordings' thread alone.
import { join } from 'node:path';
import type { TakeFacts } from './facts.ts';
import { errnoOf } from './folders.ts';
import { writeMetadata } from './metadata-file.ts';
import { fileNames, type TakeName, takeFolder } from './names.ts';
import { OwnFile } from './own-file.ts';
import { head, trackOf } from './track.ts';

const pieceBytes = 64 * 1024;
const lineEnd = 0x0a;

/** Throws what the disk says. `nowMs`: of the epoch, when it was found. */
export function repairTake(root: string, facts: TakeFacts, nowMs: number): TakeFacts {
  const name: TakeName = facts;
  const folder = takeFolder(root, name);
  const tracks = (['caller', 'assistant'] as const).map((track) => {
    const bytes = withFile(join(folder, fileNames[track]), 0, (file) => {
      file.patch(head(file.bytes), 0);
      return file.bytes;
    });
    return { bytes, track: trackOf(track, bytes, facts[track].formats) };
  });
  const [caller, assistant] = tracks;
  const lines = withFile(join(folder, fileNames.events), { bytes: 0, count: 0 }, mendLines);
  const soundBytes = tracks.reduce((sum, { bytes }) => sum + bytes, 0);
  const mended: TakeFacts = {
    ...facts,
    ...{ state: 'interrupted', reason: 'interrupted', endedAtMs: nowMs, events: lines.count },
    ...(caller && { caller: caller.track }),
    ...(assistant && { assistant: assistant.track }),
    bytes: soundBytes + lines.bytes,
  };
  writeMetadata(folder, mended);
  return mended;
}

/** The end of the last whole line, and how many there are. */
function mendLines(file: OwnFile): { readonly bytes: number; readonly count: number } {
  let count = 0;
  let end = 0;
  for (let at = 0; at < file.bytes; at += pieceBytes) {
    const piece = file.read(at, pieceBytes);
    for (let found = piece.indexOf(lineEnd); found !== -1; found = piece.indexOf(lineEnd, found + 1)) {
      count += 1;
      end = at + found + 1;
    }
  }
  if (end < file.bytes) file.cut(end);
  return { bytes: end, count };
}

/** What was not there yet when it was killed, or is no file of ours, is left as it is. */
function withFile<Value>(path: string, none: Value, use: (file: OwnFile) => Value): Value {
  let file: OwnFile;
  try {
    file = OwnFile.open(path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOSPC') throw thrown;
    return none;
  }
  try {
    return use(file);
  } finally {
    file.close();
  }
}
