// Where recordings that are brought along come in, until they are whole: a folder that no session can have the name of.
// Blocks, and is for the recordings' thread alone.
import { readdirSync, renameSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TakeFacts } from './facts.ts';
import { isFolder, makeFolder, makeNewFolder, removeTake, unlinkIfThere } from './folders.ts';
import { writeMetadata } from './metadata-file.ts';
import { callerFile, takeFolder, takeId } from './names.ts';
import type { Query } from './protocol.ts';
import { trackOf } from './track.ts';

type Adopt = Extract<Query, { readonly of: 'adopt' }>;

const folderOf = (root: string) => join(root, '.incoming');

/** The file that it is to be written to. Throws what the disk says. */
export function roomFor(root: string, session: string): string {
  makeFolder(root);
  makeFolder(folderOf(root));
  return join(folderOf(root), session);
}

/** Of a gateway that is gone: nobody brings the rest. */
export function sweepIncoming(root: string): void {
  const folder = folderOf(root);
  if (!isFolder(folder)) return;
  for (const name of readdirSync(folder)) unlinkIfThere(join(folder, name));
  rmdirSync(folder);
}

/** Makes it a take. Throws why there can be none; then only the file is left where it is. */
export function adopt(root: string, { session, path, atMs, ...seen }: Adopt, version: string): TakeFacts {
  const name = { session, take: 1 };
  const { container, codec, rateHz, samples, bytes } = seen;
  const file = callerFile(1, container);
  const durationMs = Math.round((samples * 1000) / rateHz);
  const formats = [container === 'webm' ? 'audio/webm' : 'audio/wav'];
  const facts: TakeFacts = {
    ...{ id: takeId(name), ...name, pipeline: '', state: 'finished', reason: 'imported', error: null },
    ...{ startedAtMs: atMs, endedAtMs: atMs, source: 'import' },
    caller: { file, container, codec, rateHz, samples, durationMs, formats },
    ...{ callerMore: [], assistant: trackOf('assistant', 0, []), events: 0, bytes, version },
  };
  const folder = takeFolder(root, name);
  makeNewFolder(dirname(folder));
  try {
    makeNewFolder(folder);
    writeMetadata(folder, facts);
    renameSync(path, join(folder, file));
  } catch (thrown) {
    removeTake(folder);
    throw thrown;
  }
  return facts;
}
