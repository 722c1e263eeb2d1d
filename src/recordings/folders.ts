// The folders of recordings: made private, never through a link. Blocks, and is for the recordings' thread alone.
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileNames, isCallerFile } from './names.ts';

/** Throws when something else has this name, a link to a folder among it. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    if (!isFolder(path)) throw new Error(`${basename(path)} is there already, and is no folder`);
  }
}

/** Throws when there is anything of this name: a take never goes over another one. */
export function makeNewFolder(path: string): void {
  mkdirSync(path, { mode: 0o700 });
}

/** A link to one is none. */
export const isFolder = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** The names that are in it are on the disk, whatever becomes of the machine. */
export function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Names of the folders in a folder; none when it is not there. */
export function foldersIn(path: string): readonly string[] {
  if (!isFolder(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

/** Our files of a take, and the folders where nothing else is left. The metadata last: what is left without it is nobody's. */
export function removeTake(folder: string): void {
  const { assistant, events, newMetadata, metadata } = fileNames;
  const caller = isFolder(folder) ? readdirSync(folder).filter(isCallerFile) : [];
  // What is a link is removed itself, not what it leads to.
  for (const name of [...caller, assistant, events, newMetadata, metadata]) unlinkIfThere(join(folder, name));
  removeIfEmpty(folder);
  removeIfEmpty(dirname(folder));
}

export function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw thrown;
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (thrown) {
    // Somebody else has something there.
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(String(errnoOf(thrown)))) throw thrown;
  }
}

export const errnoOf = (thrown: unknown): unknown =>
  thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'its folder was removed',
  ENOTDIR: 'a file stands in its path',
  ELOOP: 'a link stands in its path',
  EMFILE: 'too many files are open',
  EIO: 'the disk has an error',
};

/** Why something of a recording could not be done, for people. */
export function whyOf(thrown: unknown): string {
  const known = reasons[String(errnoOf(thrown))];
  if (known !== undefined) return known;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
