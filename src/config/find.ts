// Which file is the configuration: the one that is named, or the first of the usual names in the folder. Imports
// nothing heavy; early.ts and load.ts must agree on it.
import { statSync } from 'node:fs';
import { relative, resolve } from 'node:path';

const fileNames = ['greenroom.yaml', 'greenroom.yml', 'greenroom.json'] as const;

export const fileBytesMax = 128 * 1024;

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** As the user knows it. */
  readonly shown: string;
}

export function findConfigFile(file: string | undefined, cwd: string): ConfigFile | undefined {
  if (file !== undefined) return { path: resolve(cwd, file), shown: file };
  // Whatever is there counts, a folder too: to pass over it in silence would serve another configuration.
  const name = fileNames.find((candidate) => statSync(resolve(cwd, candidate), { throwIfNoEntry: false }));
  if (name === undefined) return undefined;
  const path = resolve(cwd, name);
  return { path, shown: relative(cwd, path) };
}

export const isJsonFile = (path: string): boolean => path.toLowerCase().endsWith('.json');

/** As text, without the byte order mark; undefined when it is no UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined;
    throw thrown;
  }
}
