// Promise: any number of watchers. What an idle one costs, beside one of plain `ws`; and a crowd of which each is cut off
// every 15 s and comes back with the last id that it has, while others watch undisturbed: whether all of them get every
// event, how long it takes until a returning one has what it missed, and what the others notice of it.
import { setTimeout as delay } from 'node:timers/promises';
import { cpuUs, twoCores } from './fanout/process-facts.ts';
import type { Memory, ProducerQuestion } from './fanout/producer.ts';
import type { Counted, ReceiverQuestion } from './fanout/receiver.ts';
import { nodeOptions, repositoryFile, shownMs } from './measure.ts';
import type { Crowd, CrowdQuestion } from './watchers/crowd.ts';
import { openFilesMax } from './watchers/open-files.ts';
import type { Program, Workbench } from './workbench.ts';

const idle = 5000;
const targetBytes = 8192;
/** 200,000 deliveries a second: twice as many as one core can write one by one. */
const storm = { watchers: 10_000, perSecond: 20 };
const undisturbed = 200;
const everyMs = 15_000;
const awayMs = 2000;
const stormMs = 120_000;
const quietMs = 15_000;
const path = '/v1/events?topics=face_processor';

export async function run(bench: Workbench): Promise<void> {
  if (process.platform !== 'linux') return console.log('watchers: skipped, it reads /proc and needs taskset');
  const max = openFilesMax() - 500;
  if (max < 10_200)
    console.log(`watchers: fewer than promised, since one process may have ${max + 500} files`);
  await showIdle(bench, Math.min(idle, max));
  await showStorm(bench, Math.min(storm.watchers, max - undisturbed), storm.perSecond);
}

function start(bench: Workbench, core: number, file: string, ...options: string[]): Promise<Program> {
  const args = ['-c', String(core), process.execPath, ...nodeOptions, ...options, repositoryFile(file)];
  return bench.startOther('taskset', args, {}, 'spoken');
}

async function portOf(server: Program): Promise<number> {
  return (await server.ask<{ port: number }>({ type: 'ready' } satisfies ProducerQuestion)).port;
}

function watch(receiver: Program, port: number, watchers: number, at: string, greetings: number) {
  const none = { stalled: 0, stalledPath: at, hello: '' };
  return receiver.ask({
    type: 'connect',
    port,
    watchers,
    path: at,
    greetings,
    ...none,
  } satisfies ReceiverQuestion);
}

async function showIdle(bench: Workbench, watchers: number): Promise<void> {
  const rows = [
    { name: 'greenroom', file: 'bench/fanout/greenroom-server.ts', at: path, greetings: 1 },
    { name: 'plain ws', file: 'bench/fanout/ws-server.ts', at: '/', greetings: 0 },
  ];
  console.log(`watchers: memory of ${watchers} idle watchers, each, after a collection`);
  for (const { name, file, at, greetings } of rows) {
    const cores = twoCores();
    const server = await start(bench, cores.server, file, '--expose-gc');
    const receiver = await start(bench, cores.receiver, 'bench/fanout/receiver.ts');
    const port = await portOf(server);
    const memory = () => server.ask<Memory>({ type: 'memory' } satisfies ProducerQuestion);
    // So that what is made once is there.
    await watch(receiver, port, 50, at, greetings);
    const before = await memory();
    await watch(receiver, port, watchers, at, greetings);
    await delay(1000);
    const after = await memory();
    const each = (pick: (of: Memory) => number) =>
      `${((pick(after) - pick(before)) / watchers / 1024).toFixed(1)} KB`.padStart(8);
    console.log(
      `  ${name.padEnd(11)} resident ${each((of) => of.residentBytes)}  heap ${each((of) => of.heapBytes)}`,
    );
    await Promise.all([server.close(), receiver.close()]);
  }
  console.log(`  (target: <= ${targetBytes / 1024} KB)`);
}

async function showStorm(bench: Workbench, watchers: number, perSecond: number): Promise<void> {
  const cores = twoCores();
  const server = await start(bench, cores.server, 'bench/fanout/greenroom-server.ts');
  const receiver = await start(bench, cores.receiver, 'bench/fanout/receiver.ts');
  const people = await start(bench, cores.receiver, 'bench/watchers/crowd.ts');
  const port = await portOf(server);
  await watch(receiver, port, undisturbed, path, 1);
  await people.ask({ type: 'come', port, watchers } satisfies CrowdQuestion);
  const ask = (question: CrowdQuestion) => people.ask<Crowd>(question);
  const count = () => receiver.ask<Counted>({ type: 'count' } satisfies ReceiverQuestion);
  const forMs = quietMs + stormMs + 2000;
  const publishing = server.ask<{ published: number }>({
    ...{ type: 'publish', perMs: perSecond / 1000, forMs },
  } satisfies ProducerQuestion);
  await delay(2000);
  await count();
  await delay(quietMs - 2000);
  const quiet = await count();
  const pids = [server.pid, people.pid];
  const before = await Promise.all(pids.map(cpuUs));
  await ask({ type: 'storm', everyMs, awayMs });
  await delay(stormMs);
  const used = (await Promise.all(pids.map(cpuUs))).map((us, at) => us - (before[at] ?? 0));
  const stormy = await count();
  await ask({ type: 'calm' });
  const { published } = await publishing;
  const end = await settled(() => ask({ type: 'count' }), published, watchers);
  const expected = published * watchers;
  const share = ((end.events - end.wrong) / expected) * 100;
  console.log(
    `watchers: ${watchers} of them, each cut off every ${everyMs / 1000} s, away for ${awayMs / 1000} s, for ${stormMs / 1000} s at ${perSecond} events/s`,
  );
  console.log(
    `  delivered ${share.toFixed(4)} % of ${expected.toLocaleString('en')}  out of order or double ${end.wrong}  not recovered or refused ${end.refused}`,
  );
  console.log(
    `  ${end.resumes.toLocaleString('en')} resumed; from the knock until all that was missed was there p50 ${shownMs(end.replayP50Ms)}  p99 ${shownMs(end.replayP99Ms)} (target: < 1 s)`,
  );
  const live = ({ p50Ms, p99Ms }: Counted) => `p50 ${shownMs(p50Ms)}  p99 ${shownMs(p99Ms)}`;
  console.log(
    `  ${undisturbed} undisturbed ones, live: quiet ${live(quiet)}; in the storm ${live(stormy)} (${(stormy.p99Ms / quiet.p99Ms).toFixed(2)}x)`,
  );
  const [ours, theirs] = used.map((us) => `${Math.round(us / stormMs / 10)} %`);
  console.log(`  of one core each, in the storm: server ${ours}, the crowd itself ${theirs}`);
  await Promise.all([server.close(), receiver.close(), people.close()]);
}

/** Everybody is back and has the last one, or nothing has come for a while. */
async function settled(count: () => Promise<Crowd>, published: number, watchers: number): Promise<Crowd> {
  let last = await count();
  for (let waits = 0; waits < 20; waits += 1) {
    if (last.open === watchers && last.leastSeq >= published) return last;
    await delay(500);
    last = await count();
  }
  return last;
}
