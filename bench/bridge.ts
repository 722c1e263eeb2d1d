// Bridged calls: 200 callers of 50 frames of audio a second each, both ways, to an upstream directly, through greenroom,
// through nginx's WebSocket proxy where there is one, and through a plain relay of `ws`. The processor time that a frame
// costs whoever stands between, all its threads together, and what it adds to its way. All calls stay open and the rows
// speak in turn, so that what else happens on the machine happens to all of them; ratios are of the same round.
import { accessSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Callers } from './bridge/callers.ts';
import { freePort, median, nodeOptions, quantile, repositoryFile, shownMs } from './measure.ts';
import type { Workbench } from './workbench.ts';

const sessions = 200;
const rounds = 5;
const roundMs = 3000;
/** Until their code is compiled. */
const warmUpMs = 6000;
/** 20 ms of PCM16 at 24 kHz. */
const frameBytes = 960;
const targetRatio = 1.3;
const targetMs = 1;

interface Row {
  readonly name: string;
  readonly port: number;
  /** Of whoever stands between; 0 where nobody does. */
  readonly pid: number;
  /** One each per round. */
  readonly frameUs: number[];
  readonly p50Ms: number[];
  readonly p99Ms: number[];
}

const nginxConfig = (
  port: number,
  to: number,
  folder: string,
) => `daemon off; master_process off; pid ${folder}/pid;
error_log ${folder}/error.log; events { worker_connections 2048; }
http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder};
  fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_read_timeout 600s; } } }
`;

export async function run(bench: Workbench): Promise<void> {
  const upstream = await freePort();
  await bench.start([repositoryFile('bench/bridge/upstream.mjs'), String(upstream), String(frameBytes)]);
  const ours = await freePort();
  const bridge = `{default: {kind: bridge, url: "ws://127.0.0.1:${upstream}/"}}`;
  const gateway = await bench.start([
    ...[...nodeOptions, repositoryFile('dist/main.js'), 'up', '--listen', `127.0.0.1:${ours}`],
    ...['--set', 'engines={}', '--set', `pipelines=${bridge}`, '--set', `sessions.max=${sessions + 1}`],
  ]);
  const relayPort = await freePort();
  const relay = await bench.start([
    ...[...nodeOptions, repositoryFile('bench/bridge/relay.mjs'), String(relayPort), String(upstream)],
  ]);
  const nginx = await startNginx(bench, upstream);
  const row = (name: string, port: number, pid = 0): Row => ({
    ...{ name, port, pid, frameUs: [], p50Ms: [], p99Ms: [] },
  });
  const rows = [
    row('directly', upstream),
    row('greenroom', ours, gateway.pid),
    row('a relay of ws', relayPort, relay.pid),
    ...(nginx ? [row('nginx', nginx.port, nginx.pid)] : []),
  ];
  const calls: { readonly row: Row; readonly callers: Callers }[] = [];
  for (const each of rows) {
    await listens(each.port);
    calls.push({ row: each, callers: await Callers.call(each.port, sessions, frameBytes) });
  }
  for (const { callers } of calls) await callers.speak(warmUpMs);
  for (let round = 0; round < rounds; round += 1)
    for (const { row: each, callers } of calls) await measure(each, callers);
  for (const { callers } of calls) await callers.close();
  show(rows);
}

async function measure(row: Row, callers: Callers): Promise<void> {
  const before = await cpuUs(row.pid);
  const { ms, sent } = await callers.speak(roundMs);
  // Each goes up, and comes down.
  row.frameUs.push(((await cpuUs(row.pid)) - before) / (2 * sent));
  row.p50Ms.push(median(ms));
  row.p99Ms.push(quantile(ms, 0.99));
}

async function startNginx(bench: Workbench, to: number) {
  const path = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/bin/nginx'].find(isThere);
  if (!path) return undefined;
  const port = await freePort();
  const file = await bench.write('nginx.conf', nginxConfig(port, to, bench.folder));
  const { pid } = await bench.startOther(path, ['-c', file, '-p', bench.folder]);
  return { pid, port };
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

async function listens(port: number): Promise<void> {
  for (let count = 0; count < 200; count += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answer) return void (await answer.body?.cancel());
    await delay(50);
  }
  throw new Error(`nobody listens on port ${port}`);
}

/** Of all its threads, as the scheduler counts it: to the nanosecond. */
async function cpuUs(pid: number): Promise<number> {
  if (pid === 0) return 0;
  const threads = await readdir(`/proc/${pid}/task`);
  const spent = await Promise.all(
    threads.map(async (thread) => {
      const stat = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
      return Number(stat.split(' ')[0]) / 1000;
    }),
  );
  return spent.reduce((sum, us) => sum + us, 0);
}

const ratio = (of: readonly number[], to: readonly number[]): number =>
  median(of.map((value, round) => value / (to[round] ?? Number.NaN)));

const added = (of: readonly number[], to: readonly number[]): number =>
  median(of.map((value, round) => value - (to[round] ?? Number.NaN)));

function show(rows: readonly Row[]): void {
  const [direct, ours, relay, nginx] = rows;
  if (!direct || !ours || !relay) return;
  console.log(
    `bridge: ${sessions} calls of 50 frames a second (${frameBytes} bytes of audio each) both ways; medians of ${rounds} rounds of ${roundMs / 1000} s in turn`,
  );
  const columns = [
    '',
    'CPU a frame',
    'to nginx',
    'to the relay',
    'there and back p50',
    'p99',
    'added at p99',
  ];
  const lines = rows.map((row) => {
    const { name, frameUs, p50Ms, p99Ms } = row;
    const times = [shownMs(median(p50Ms)), shownMs(median(p99Ms))];
    if (row === direct) return [name, '', '', '', ...times, ''];
    const toNginx = nginx ? `${ratio(frameUs, nginx.frameUs).toFixed(2)}x` : '-';
    const toRelay = `${ratio(frameUs, relay.frameUs).toFixed(2)}x`;
    const cost = `${median(frameUs).toFixed(1)} us`;
    return [name, cost, toNginx, toRelay, ...times, shownMs(added(p99Ms, direct.p99Ms))];
  });
  for (const line of [columns, ...lines])
    console.log(
      `  ${line.map((cell, at) => (at === 0 ? cell.padEnd(14) : cell.padStart(Math.max(8, (columns[at] ?? '').length) + 2))).join('')}`,
    );
  const overRelayMs = added(ours.p99Ms, relay.p99Ms);
  console.log(
    `  greenroom at p99 against the relay, round by round: ${overRelayMs < 0 ? '' : '+'}${shownMs(overRelayMs)}`,
  );
  if (!nginx) return console.log('  (no nginx here: apt-get install nginx-light)');
  const cpu = ratio(ours.frameUs, nginx.frameUs) <= targetRatio ? 'met' : 'missed';
  const way = added(ours.p99Ms, direct.p99Ms) <= targetMs ? 'met' : 'missed';
  console.log(`  promised: ${targetRatio}x nginx's CPU (${cpu}), ${targetMs} ms added at p99 (${way})`);
}
