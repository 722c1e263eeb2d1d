// Finds the data files of the built-in engines: beside the engine in a build, in node_modules in the source tree.
// Reads them whole; nothing to close.
import { access, readFile } from 'node:fs/promises';

interface Asset {
  /** The engine's own `import.meta.url`; ours would name a chunk that the bundler made for several engines. */
  readonly besideUrl: string;
  readonly name: string;
  /** Path below node_modules. */
  readonly packaged: string;
}

export async function readAsset({ besideUrl, name, packaged }: Asset): Promise<Uint8Array<ArrayBuffer>> {
  const candidates = [new URL(name, besideUrl), new URL(`../../../node_modules/${packaged}`, besideUrl)];
  for (const url of candidates) {
    if (await exists(url)) return new Uint8Array(await readFile(url));
  }
  throw new Error(`${name} is missing: looked for ${candidates.map((url) => url.pathname).join(' and ')}`);
}

async function exists(url: URL): Promise<boolean> {
  return access(url).then(
    () => true,
    () => false,
  );
}
