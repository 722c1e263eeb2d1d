// Promise: ready when it says so, and at once. From an engine's first good answer until the gateway says ready, for loads
// of different length; beside what launchers do: ask every second (as llama-swap), or every 250 ms (as wait-on).
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, median, nodeOptions, quantile, repositoryFile, shownMs } from './measure.ts';
import type { Workbench } from './workbench.ts';

const loadsMs = [300, 700, 1100, 1700, 2300, 3100, 4300, 6100, 8300, 12_000];
const targetMs = 50;

/** Status, or null where nobody answers. */
function ask(port: number, path: string): Promise<number | null> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? null);
    });
    call.on('error', () => resolve(null));
    call.end();
  });
}

async function firstGood(port: number, path: string, everyMs: number): Promise<number> {
  for (const began = performance.now(); performance.now() - began < 60_000; await delay(everyMs))
    if ((await ask(port, path)) === 200) return performance.now();
  throw new Error(`port ${port}${path} was not ready in 60 s`);
}

/** Ms after the engine's first good answer: until the gateway is ready, and until two who poll would know. */
async function measured(bench: Workbench, loadMs: number): Promise<Readonly<Record<string, number>>> {
  const [port, enginePort] = [await freePort(), await freePort()];
  const engine = {
    run: [process.execPath, repositoryFile('dist/faulty-engine.js'), JSON.stringify({ loadMs })],
    port: enginePort,
  };
  const program = await bench.start([
    ...[...nodeOptions, repositoryFile('dist/main.js'), 'up', '--listen', `127.0.0.1:${port}`],
    ...['--set', `engines=${JSON.stringify({ engine })}`, '--set', 'pipelines={}'],
  ]);
  try {
    const [good, ready, second, quarter] = await Promise.all([
      firstGood(enginePort, '/health', 1),
      firstGood(port, '/readyz', 1),
      firstGood(enginePort, '/health', 1000),
      firstGood(enginePort, '/health', 250),
    ]);
    return {
      greenroom: ready - good,
      'asking every 1 s': second - good,
      'asking every 250 ms': quarter - good,
    };
  } finally {
    await program.close();
  }
}

export async function run(bench: Workbench): Promise<void> {
  const rows: Record<string, number[]> = {};
  for (const loadMs of loadsMs)
    for (const [name, ms] of Object.entries(await measured(bench, loadMs)))
      rows[name] = [...(rows[name] ?? []), Math.max(0, ms)];
  console.log(
    `ready: from an engine's first good answer until it is known; loads of ${loadsMs.join(', ')} ms`,
  );
  for (const [name, samples] of Object.entries(rows)) {
    const at = (share: number) => shownMs(quantile(samples, share)).padStart(10);
    console.log(`  ${name.padEnd(20)} median${at(0.5)}  max${at(1)}`);
  }
  const ratio = median(rows['asking every 1 s'] ?? []) / median(rows['greenroom'] ?? []);
  console.log(`  ratio: 1/${ratio.toFixed(0)} of asking every second  (target: <= ${targetMs} ms)`);
}
