// What a gateway that was killed has left: takes that say that they are being recorded. Their headers get the length that
// the files have, a line that was cut goes, and they are marked. Blocks, and is for the recordings' thread alone.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { WebmFollower } from '../audio/webm/follower.ts';
import type { TakeFacts, Track } from './facts.ts';
import { errnoOf } from './folders.ts';
import { writeMetadata } from './metadata-file.ts';
import { fileNames, isCallerFile, type TakeName, takeFolder } from './names.ts';
import { OwnFile } from './own-file.ts';
import { head, wavTrack, webmTrack } from './track.ts';

const pieceBytes = 64 * 1024;
const lineEnd = 0x0a;

/** Throws what the disk says. `nowMs`: of the epoch, when it was found. */
export function repairTake(root: string, facts: TakeFacts, nowMs: number): TakeFacts {
  const name: TakeName = facts;
  const folder = takeFolder(root, name);
  const pieces = callerPieces(folder, facts).map((track) => mendPiece(folder, track));
  const [caller, ...callerMore] = pieces;
  const assistant = mendWav(folder, facts.assistant);
  const lines = withFile(join(folder, fileNames.events), { bytes: 0, count: 0 }, mendLines);
  const soundBytes = [...pieces, assistant].reduce((sum, { bytes }) => sum + bytes, 0);
  const mended: TakeFacts = {
    ...facts,
    ...{ state: 'interrupted', reason: 'interrupted', endedAtMs: nowMs, events: lines.count },
    ...(caller && { caller: caller.track, callerMore: callerMore.map(({ track }) => track) }),
    assistant: assistant.track,
    bytes: soundBytes + lines.bytes,
  };
  writeMetadata(folder, mended);
  return mended;
}

interface Mended {
  readonly track: Track;
  readonly bytes: number;
}

/** What is there: its metadata was written when it had only begun. In the order in which they came. */
function callerPieces(folder: string, { caller }: TakeFacts): readonly Track[] {
  const names = readdirSync(folder).filter(isCallerFile);
  const number = (name: string) => Number(/\.([0-9]+)\./.exec(name)?.[1] ?? 1);
  const pieces = names
    .toSorted((one, other) => number(one) - number(other))
    .map((name) =>
      name.endsWith('.webm') ? webmTrack(name, 0) : { ...wavTrack(name, 0, []), formats: caller.formats },
    );
  return pieces.length > 0 ? pieces : [caller];
}

function mendPiece(folder: string, track: Track): Mended {
  return track.container === 'webm' ? mendWebm(folder, track) : mendWav(folder, track);
}

function mendWav(folder: string, { file: name, formats }: Track): Mended {
  const bytes = withFile(join(folder, name), 0, (file) => {
    file.patch(head(file.bytes), 0);
    return file.bytes;
  });
  return { track: wavTrack(name, bytes, formats), bytes };
}

/** Cut after the last block that is whole. What is broken before stays as it came. */
function mendWebm(folder: string, { file: name }: Track): Mended {
  return withFile(join(folder, name), { track: webmTrack(name, 0), bytes: 0 }, (file) => {
    const follower = new WebmFollower();
    for (let at = 0; at < file.bytes; at += pieceBytes) {
      follower.feed(file.read(at, pieceBytes));
      while (follower.next());
    }
    if (follower.state === 'sound' && follower.wholeBytes < file.bytes) file.cut(follower.wholeBytes);
    return { track: webmTrack(name, follower.samples), bytes: file.bytes };
  });
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
