// `metadata.json` of a take: replaced as a whole, so that a crash leaves the one before or the new one. Blocks, and is for
// the recordings' thread alone.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { metadataText, readMetadata, type TakeFacts } from './facts.ts';
import { unlinkIfThere } from './folders.ts';
import { fileNames, type TakeName } from './names.ts';
import { OwnFile } from './own-file.ts';

/** Throws what the disk says, when there is no room even where the one before is. */
export function writeMetadata(folder: string, facts: TakeFacts): void {
  const bytes = Buffer.from(metadataText(facts));
  const path = join(folder, fileNames.metadata);
  try {
    replace(folder, path, bytes);
  } catch (thrown) {
    overwrite(path, bytes, thrown);
  }
}

function replace(folder: string, path: string, bytes: Buffer): void {
  const beside = join(folder, fileNames.newMetadata);
  // Of a gateway that was killed in the middle of it.
  unlinkIfThere(beside);
  const file = OwnFile.make(beside);
  try {
    file.append(bytes);
  } catch (thrown) {
    unlinkIfThere(beside);
    throw thrown;
  } finally {
    file.close();
  }
  renameSync(beside, path);
}

/** A disk that has no room for another one may still take this. */
function overwrite(path: string, bytes: Buffer, why: unknown): void {
  let file: OwnFile;
  try {
    file = OwnFile.open(path);
  } catch {
    // There is none to be written over: what was wrong before is what is told.
    throw why;
  }
  try {
    if (bytes.length > file.bytes) throw why;
    file.patch(padded(bytes, file.bytes), 0);
  } finally {
    file.close();
  }
}

const padded = (bytes: Buffer, length: number): Buffer =>
  Buffer.concat([bytes, Buffer.alloc(length - bytes.length, ' ')]);

/** Far above what ours have. */
export const readBytesMax = 64 * 1024;

/** Undefined when there is none that is ours. */
export function readMetadataFile(folder: string, name: TakeName): TakeFacts | undefined {
  let file: OwnFile;
  try {
    file = OwnFile.open(join(folder, fileNames.metadata));
  } catch {
    // None, a link, or nothing that we may use: not ours.
    return undefined;
  }
  try {
    return readMetadata(file.read(0, readBytesMax).toString(), name);
  } finally {
    file.close();
  }
}
