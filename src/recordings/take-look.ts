// What a folder of recordings has in it: every take that is ours, those that were cut short repaired and marked. Blocks, and
// is for the recordings' thread alone.
import { join } from 'node:path';
import { isForeign, type TakeFacts } from './facts.ts';
import { errnoOf, foldersIn, isFolder, whyOf } from './folders.ts';
import { readBytesMax, readMetadataFile } from './metadata-file.ts';
import { fileNames, type TakeName, takeFolder, takeName } from './names.ts';
import { OwnFile } from './own-file.ts';
import { repairTake } from './repair.ts';
import type { TakeNumbers } from './take-numbers.ts';

export interface LookOptions {
  readonly root: string;
  /** Ms since the epoch. */
  readonly wallTime: () => number;
  readonly onNotice: (message: string) => void;
}

/**
 * Those that have ended. A folder within it that cannot be read is told, and costs nobody else's.
 *
 * @param isWriting by id: it is being recorded by whoever looks
 * @throws what the disk says of the folder itself
 */
export function takesIn(
  options: LookOptions,
  numbers: TakeNumbers,
  isWriting: (id: string) => boolean,
): readonly TakeFacts[] {
  const { root, onNotice } = options;
  const sessions = foldersIn(root);
  numbers.read();
  return sessions.flatMap((session) => {
    try {
      const names = foldersIn(join(root, session)).flatMap((take) => takeName(session, take) ?? []);
      // Also of those that are not ours, or cannot be read.
      for (const name of names) numbers.seen(name);
      return names.flatMap((name) => takeOf(name, options, isWriting) ?? []);
    } catch (thrown) {
      onNotice(`the recordings in ${join(root, session)} cannot be read: ${whyOf(thrown)}`);
      return [];
    }
  });
}

/**
 * Of one whose metadata cannot be used, though its folder is there; undefined: there is none, or it is somebody else's.
 * Throws what the disk says of the folders above it.
 */
export function brokenWhy(root: string, name: TakeName): string | undefined {
  const folder = takeFolder(root, name);
  if (!isFolder(join(root, name.session)) || !isFolder(folder)) return undefined;
  const path = join(folder, fileNames.metadata);
  try {
    const text = readOwn(path);
    return isForeign(text) ? undefined : `${path} is cut or spoilt`;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return `${folder} is there, and no ${fileNames.metadata} in it`;
    return `${path} cannot be read: ${whyOf(thrown)}`;
  }
}

function readOwn(path: string): string {
  const file = OwnFile.open(path);
  try {
    return file.read(0, readBytesMax).toString();
  } finally {
    file.close();
  }
}

function takeOf(
  name: TakeName,
  { root, wallTime, onNotice }: LookOptions,
  isWriting: (id: string) => boolean,
): TakeFacts | undefined {
  const facts = readMetadataFile(takeFolder(root, name), name);
  if (facts?.state !== 'recording') return facts;
  if (isWriting(facts.id)) return undefined;
  try {
    const repaired = repairTake(root, facts, wallTime());
    onNotice(`recording ${facts.id} was cut short by the end of its gateway: repaired, and marked`);
    return repaired;
  } catch (thrown) {
    onNotice(`recording ${facts.id} was cut short and cannot be repaired: ${whyOf(thrown)}`);
    return undefined;
  }
}
