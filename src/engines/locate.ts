// Where the files lie that are started or read by path: beside the bundle in what users get, in src/ when the sources
// run as they are (tests).
import { fileURLToPath } from 'node:url';

const here = import.meta.url;
const bundled = !here.endsWith('.ts');
const base = bundled ? new URL(here.includes('/chunks/') ? '../' : './', here) : new URL('./', here);

export type ShippedFile =
  | 'engine-host'
  | 'sentinel'
  | 'store'
  | 'recordings'
  | 'decoding'
  | 'reaper'
  | 'flite'
  | 'silero'
  | 'faulty-engine'
  | 'llama-server';

const places: Readonly<Record<ShippedFile, { readonly built: string; readonly source: string }>> = {
  'engine-host': { built: 'engine-host.js', source: 'worker/host.ts' },
  sentinel: { built: 'sentinel.js', source: '../lifecycle/sentinel-thread.ts' },
  store: { built: 'store.js', source: '../store/store-thread.ts' },
  recordings: { built: 'recordings.js', source: '../recordings/recordings-thread.ts' },
  decoding: { built: 'decoding.js', source: '../audio/decoding/decoding-thread.ts' },
  reaper: { built: 'reaper.sh', source: 'reaper.sh' },
  flite: { built: 'builtin/flite.js', source: 'builtin/flite.ts' },
  'llama-server': { built: 'llama-server.js', source: '../llama-server/main.ts' },
  'faulty-engine': { built: 'faulty-engine.js', source: '../testing/faulty/engine.ts' },
  silero: { built: 'builtin/silero.js', source: 'builtin/silero.ts' },
};

export function shippedFile(name: ShippedFile): string {
  const { built, source } = places[name];
  return fileURLToPath(new URL(bundled ? built : source, base));
}
