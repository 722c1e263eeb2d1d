// Random configurations, right and wrong, as YAML and JSON: each is loaded, or refused by a coded error that says
// where; nothing else, and quickly.
import { stringify } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { GreenroomError } from '../../src/lifecycle/errors.ts';
import { testFolder } from '../support/folder.ts';
import { mutate, seeded } from './mutate.ts';

type Random = (below: number) => number;

const slowMs = 2000;

function configuration(random: Random): Record<string, unknown> {
  const engine = () =>
    [
      { builtin: 'flite' },
      { builtin: 'silero' },
      { worker: './engine.mjs', isolate: random(2) ? 'thread' : 'process', options: { a: [1, { b: null }] } },
      { run: ['node', 'x.mjs', '--port', '${port}'], port: random(2) ? 'auto' : 1024 + random(60_000) },
      {
        run: ['x'],
        ready: { http: '/health', status: 200, stall: '10s', total: '1m' },
        env: { K: 'env:KEY' },
      },
      { preset: 'llama-server', model: 'm.gguf', socket: random(2) ? 'auto' : './x.sock', group: 'gpu' },
      { preset: 'ollama', model: 'm', ready: { generate: true, loading: [503] } },
      { url: 'https://host.example/v1', key: 'env:KEY', offers: ['chat'], check: '5s' },
      { builtin: 'llama', model: 'm.gguf', context: 512, gpu: false },
    ][random(9)];
  return {
    listen: [7460, '127.0.0.1:7460', '[::1]:80', ':99', '0.0.0.0:1'][random(5)],
    engines: { voice: { builtin: 'flite' }, activity: { builtin: 'silero' }, [`e${random(3)}`]: engine() },
    pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity', needs: [`e${random(3)}`] } },
    aliases: { 'gpt-*': 'default' },
    sessions: { max: 1 + random(500), lobby: { wait: '60s', audio: { age: '30s', bytes: '4MiB' } } },
    auth: { tokens: ['env:TOKEN'], admin: ['env:ADMIN'], origins: ['https://example.org'] },
    store: ['sqlite', 'none', { keep: '40d' }, { size: '2MiB', keep: '1h' }][random(4)],
    tls: { cert: 'a.pem', key: 'b.pem' },
    log: { level: 'info', cleanup: true },
    shutdown: { total: '3s' },
  };
}

/** The text of a file, sometimes cut, torn or with a byte changed. */
function written(value: unknown, random: Random): { readonly name: string; readonly text: string } {
  const json = random(2) === 0;
  const text = json ? (JSON.stringify(value) ?? '') : stringify(value ?? null);
  const name = json ? 'greenroom.json' : 'greenroom.yaml';
  const at = random(text.length + 1);
  const torn = ['\t', '{', '&a *a', '!!js/function', '\u0000', '"', ': :', '---\n'][random(8)] ?? '';
  switch (random(6)) {
    case 0:
      return { name, text: text.slice(0, at) };
    case 1:
      return { name, text: text.slice(0, at) + torn + text.slice(at) };
    default:
      return { name, text };
  }
}

/** @returns how many were loaded and refused @throws Error with the seed that found something */
export async function fuzzConfig(options: { readonly seed: number; readonly untilMs: number }) {
  await using folder = await testFolder();
  const env = { TOKEN: 'token-1', ADMIN: 'admin-1', KEY: 'key-1' };
  const found = { loaded: 0, refused: 0 };
  for (let { seed } = options; performance.now() < options.untilMs; seed += 1) {
    const random = seeded(seed);
    const { name, text } = written(mutate(configuration(random), random, random(4)), random);
    const file = await folder.write(name, text);
    const beganMs = performance.now();
    try {
      await loadConfig({ file, env, cwd: folder.path });
      found.loaded += 1;
    } catch (error) {
      const known =
        error instanceof GreenroomError && error.exitCode === 2 && error.code !== 'internal_error';
      if (!known) throw new Error(`config seed ${seed}: ${text.slice(0, 1000)}`, { cause: error });
      found.refused += 1;
    }
    const ms = performance.now() - beganMs;
    if (ms > slowMs) throw new Error(`config seed ${seed}: took ${Math.round(ms)} ms`);
    if (({} as { polluted?: unknown }).polluted) throw new Error(`config seed ${seed}: Object was polluted`);
  }
  return found;
}
