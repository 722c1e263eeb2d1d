// Opens one file of a take to be read. Nothing is opened through a link.
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type TakeName, takeFolder } from './names.ts';

/** Throws when it is not there, or not as we made it. Whoever opens it closes it; it may be removed meanwhile. */
export async function openTakeFile(root: string, name: TakeName, file: string): Promise<FileHandle> {
  const folder = takeFolder(root, name);
  if (file !== basename(file)) throw new Error(`${file} is no name of a file`);
  for (const path of [root, dirname(folder), folder])
    if (!(await lstat(path)).isDirectory()) throw new Error(`${path} is no folder`);
  const path = join(folder, file);
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw new Error(`${path} is no file`);
}
