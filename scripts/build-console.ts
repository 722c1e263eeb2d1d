// Builds the console into dist/console/: flat files with their hashes in their names, and the list of them that the
// gateway serves from.
import { writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { build } from 'vite';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** @returns the ids of the modules that are in it */
export async function buildConsole(root: string, dist: string): Promise<readonly string[]> {
  const outDir = join(dist, 'console');
  const names = { entryFileNames: '[name]-[hash].js', chunkFileNames: '[name]-[hash].js' };
  const built = await build({
    ...{ root: join(root, 'console'), base: '/console/', configFile: false, logLevel: 'error' },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    worker: { format: 'es', rolldownOptions: { output: names } },
    build: {
      ...{ outDir, assetsDir: '', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
      ...{ target: 'es2023', reportCompressedSize: false, emptyOutDir: true },
      rolldownOptions: { output: { ...names, assetFileNames: '[name]-[hash][extname]' } },
    },
  });
  if (!('output' in built)) throw new Error('vite built more than one thing, or is watching');
  const files = built.output.map(({ fileName }) => {
    const type = types[extname(fileName)];
    if (type === undefined) throw new Error(`no type for ${fileName} in scripts/build-console.ts`);
    return [fileName, { type, kept: extname(fileName) === '.html' ? 'asked' : 'immutable' }] as const;
  });
  writeFileSync(join(outDir, 'manifest.json'), JSON.stringify(Object.fromEntries(files), null, 1));
  return built.output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
}
