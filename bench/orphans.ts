// Promise: no orphans. From `kill -9` of the gateway until its three engines are gone, one of which has left a child in a
// session of its own. The alternative is what engines do that look after themselves: ask each 2 s whether their parent
// is still there (as LocalAI's backends do).
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, median, nodeOptions, quantile, repositoryFile, shownMs } from './measure.ts';
import type { Workbench } from './workbench.ts';

const runs = 15;
const naiveRuns = 5;
const targetMs = 100;
const parentEveryMs = 2000;

const engine = (fault: string) => ({
  run: [process.execPath, repositoryFile('dist/faulty-engine.js'), JSON.stringify({ fault })],
});
const engines = JSON.stringify({ a: engine('none'), b: engine('ignores-sigterm'), c: engine('forks') });

const watching = `
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.exit(); }, ${parentEveryMs});`;
const launcher = `
  const { spawn } = require('node:child_process');
  for (let count = 0; count < 3; count += 1)
    spawn(process.execPath, ['-e', ${JSON.stringify(watching)}], { detached: true, stdio: 'ignore', env: process.env });
  setInterval(() => {}, 1000);`;

/** Living processes that carry this mark in their environment. */
async function marked(mark: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (
        readFileSync(`/proc/${name}/environ`, 'utf8').includes(`GREENROOM_BENCH=${mark}`) &&
        lives(Number(name))
      )
        found.push(Number(name));
    } catch {
      // It has gone meanwhile.
    }
  }
  return found;
}

function lives(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

async function untilGone(pids: readonly number[], sinceMs: number): Promise<number> {
  while (pids.some(lives)) {
    if (performance.now() - sinceMs > 10_000)
      throw new Error(`still there after 10 s: ${pids.filter(lives)}`);
    await delay(1);
  }
  return performance.now() - sinceMs;
}

async function ours(bench: Workbench): Promise<number> {
  const port = await freePort();
  const mark = `${process.pid}-${port}`;
  const program = await bench.start(
    [
      ...[...nodeOptions, repositoryFile('dist/main.js'), 'up', '--listen', `127.0.0.1:${port}`],
      ...['--set', `engines=${engines}`, '--set', 'pipelines={}'],
    ],
    { GREENROOM_BENCH: mark },
  );
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (ready?.status === 200) break;
    await delay(10);
  }
  const family = (await marked(mark)).filter((pid) => pid !== program.pid);
  if (family.length < 4)
    throw new Error(`expected three engines and a child, found ${family.length} processes`);
  const killed = performance.now();
  program.kill();
  const ms = await untilGone(family, killed);
  await program.close();
  return ms;
}

async function theirs(bench: Workbench): Promise<number> {
  const mark = `${process.pid}-parent-${performance.now()}`;
  const parent = await bench.start(['-e', launcher], { GREENROOM_BENCH: mark });
  while ((await marked(mark)).length < 4) await delay(20);
  // Somewhere within their interval.
  await delay(Math.random() * parentEveryMs);
  const family = (await marked(mark)).filter((pid) => pid !== parent.pid);
  const killed = performance.now();
  parent.kill();
  const ms = await untilGone(family, killed);
  await parent.close();
  return ms;
}

export async function run(bench: Workbench): Promise<void> {
  const rows = { greenroom: [] as number[], 'engines that ask each 2 s': [] as number[] };
  for (let count = 0; count < runs; count += 1) rows.greenroom.push(await ours(bench));
  for (let count = 0; count < naiveRuns; count += 1)
    rows['engines that ask each 2 s'].push(await theirs(bench));
  console.log('orphans: kill -9 of the gateway until its three engines, and a child that escaped, are gone');
  for (const [name, samples] of Object.entries(rows)) {
    const at = (share: number) => shownMs(quantile(samples, share)).padStart(10);
    console.log(`  ${name.padEnd(26)} median${at(0.5)}  min${at(0)}  max${at(1)}  (${samples.length} runs)`);
  }
  const ratio = median(rows['engines that ask each 2 s']) / median(rows.greenroom);
  console.log(`  ratio: 1/${ratio.toFixed(0)}  (target: <= ${targetMs} ms)`);
}
