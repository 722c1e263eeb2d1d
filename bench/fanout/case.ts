// One case of the fan-out: a server and its watchers, each on a core, started, warmed, counted in several windows.
import { setTimeout as delay } from 'node:timers/promises';
import { repositoryFile } from '../measure.ts';
import type { Program, Workbench } from '../workbench.ts';
import { coreUse, cpuUs, residentBytes, twoCores } from './process-facts.ts';
import type { ProducerAnswer, ProducerQuestion } from './producer.ts';
import type { Counted, ReceiverQuestion } from './receiver.ts';

export interface Server {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly path: string;
  readonly stalledPath: string;
  /** Sent by a watcher once its door is open. */
  readonly hello: string;
  /** Texts that a watcher is told before the first event. */
  readonly greetings: number;
}

export interface Case {
  readonly watchers: number;
  readonly stalled: number;
  /** Events. */
  readonly perMs: number;
}

export interface Result extends Case {
  readonly name: string;
  /** Of what the producer was to publish: less where its server held it up. */
  readonly publishedShare: number;
  /** To those who read. */
  readonly perSecond: number;
  /** From publication until it was received. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the server, for one delivery. */
  readonly cpuUs: number;
  /** Of one core. */
  readonly serverShare: number;
  readonly receiverShare: number;
  /** What others on the machine took of the server's core, or of the receiver's if that was more. */
  readonly othersShare: number;
  /** Published, and never received by one who reads. */
  readonly lost: number;
  /** Of the server's memory, from before the first event. */
  readonly grownBytes: number;
}

const warmMs = 1000;
export const windowMs = 600;
export const windows = 5;
const idleMs = 400;
const forMs = warmMs + windows * windowMs + 200;

export async function measure(bench: Workbench, server: Server, given: Case): Promise<Result> {
  const cores = twoCores();
  const pinned = (core: number, program: string, args: readonly string[]) =>
    bench.startOther('taskset', ['-c', String(core), program, ...args], {}, 'spoken');
  const running = await pinned(cores.server, server.program, server.args);
  const receiver = await pinned(cores.receiver, process.execPath, [
    repositoryFile('bench/fanout/receiver.ts'),
  ]);
  try {
    return await watched(server, running, receiver, given);
  } finally {
    await Promise.all([running.close(), receiver.close()]);
  }
}

/** A window: of several, the one is taken in which others used the least of the cores. */
interface Window extends Counted {
  readonly serverShare: number;
  readonly othersShare: number;
}

async function watched(server: Server, running: Program, receiver: Program, given: Case): Promise<Result> {
  const { perMs, stalled, watchers } = given;
  const { path, stalledPath, hello, greetings } = server;
  const { port } = await running.ask<{ port: number }>({ type: 'ready' } satisfies ProducerQuestion);
  await receiver.ask({
    ...{ type: 'connect', port, watchers, stalled, path, stalledPath, hello, greetings },
  } satisfies ReceiverQuestion);
  const { pid } = running;
  const cores = twoCores();
  const marks = async () => ({
    serverUs: await cpuUs(pid),
    serverCoreUs: await coreUse(cores.server),
    receiverCoreUs: await coreUse(cores.receiver),
  });
  let last = await marks();
  const count = async (): Promise<Window> => {
    const counted = await receiver.ask<Counted>({ type: 'count' } satisfies ReceiverQuestion);
    const now = await marks();
    const ofCore = (us: number) => us / 1000 / counted.ms;
    const serverShare = ofCore(now.serverUs - last.serverUs);
    const others = [
      ofCore(now.serverCoreUs - last.serverCoreUs) - serverShare,
      ofCore(now.receiverCoreUs - last.receiverCoreUs) - counted.cpuShare,
    ];
    last = now;
    const othersShare = Math.max(0, ...others);
    return { ...counted, serverShare, othersShare };
  };
  await count();
  await delay(idleMs);
  const idle = await count();
  const residentBefore = await residentBytes(pid);
  const publishing = running.ask<Extract<ProducerAnswer, { published: number }>>({
    ...{ type: 'publish', perMs, forMs },
  } satisfies ProducerQuestion);
  await delay(warmMs);
  let received = (await count()).deliveries;
  const counted: Window[] = [];
  for (let at = 0; at < windows; at += 1) {
    await delay(windowMs);
    counted.push(await count());
  }
  const grownBytes = (await residentBytes(pid)) - residentBefore;
  const { published } = await publishing;
  received += counted.reduce((sum, { deliveries }) => sum + deliveries, 0) + (await rest(count));
  const [best] = counted.sort((a, b) => a.othersShare - b.othersShare);
  if (!best) throw new Error('no window was counted');
  const { ms, deliveries, p50Ms, p99Ms, serverShare, othersShare } = best;
  return {
    ...{ name: server.name, ...given, grownBytes, p50Ms, p99Ms, serverShare, othersShare },
    publishedShare: published / (forMs * perMs),
    perSecond: (deliveries / ms) * 1000,
    cpuUs: ((serverShare - idle.serverShare) * ms * 1000) / deliveries,
    receiverShare: best.cpuShare,
    lost: published * (watchers - stalled) - received,
  };
}

/** What is still on its way. */
async function rest(count: () => Promise<Counted>): Promise<number> {
  let sum = 0;
  for (let rounds = 0; rounds < 20; rounds += 1) {
    await delay(100);
    const { deliveries } = await count();
    sum += deliveries;
    if (deliveries === 0) break;
  }
  return sum;
}
