// Bridged calls: 200 callers of 50 frames of audio a second each, both ways, to an upstream directly, through greenroom,
// through nginx's WebSocket proxy where there is one, and through a plain relay of `ws`, in turns of the same run. The
// processor time that a frame costs whoever stands between, and what it adds to its way.
import { accessSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Callers } from './bridge/callers.ts';
import { freePort, median, nodeOptions, quantile, repositoryFile, shownMs } from './measure.ts';
import type { Workbench } from './workbench.ts';

const sessions = 200;
const rounds = 3;
const roundMs = 5000;
/** 20 ms of PCM16 at 24 kHz. */
const frameBytes = 960;
/** Of a clock tick in /proc. */
const tickUs = 10_000;

interface Row {
  readonly name: string;
  readonly port: number;
  /** Of whoever stands between; 0 where nobody does. */
  readonly pid: number;
  readonly ms: number[];
  readonly frameUs: number[];
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
  await bench.start([repositoryFile('bench/bridge/upstream.mjs'), String(upstream)]);
  const ours = await freePort();
  const bridge = `{default: {kind: bridge, url: "ws://127.0.0.1:${upstream}/"}}`;
  const gateway = await bench.start([
    ...[...nodeOptions, repositoryFile('dist/main.js'), 'up', '--listen', `127.0.0.1:${ours}`],
    ...['--set', 'engines={}', '--set', `pipelines=${bridge}`, '--set', `sessions.max=${sessions + 1}`],
  ]);
  const relayPort = await freePort();
  const relay = await bench.start([
    ...[repositoryFile('bench/bridge/relay.mjs'), String(relayPort), String(upstream)],
  ]);
  const nginx = await startNginx(bench, upstream);
  const row = (name: string, port: number, pid = 0): Row => ({ name, port, pid, ms: [], frameUs: [] });
  const rows = [
    row('directly', upstream),
    row('greenroom', ours, gateway.pid),
    ...(nginx ? [row('nginx', nginx.port, nginx.pid)] : []),
    row('a relay of ws', relayPort, relay.pid),
  ];
  for (const { port } of rows) await listens(port);
  // One before the counting, so that everybody is warm.
  for (let round = 0; round <= rounds; round += 1) for (const each of rows) await measure(each, round > 0);
  show(rows, nginx !== undefined);
}

async function measure(row: Row, counted: boolean): Promise<void> {
  const callers = await Callers.call(row.port, sessions, frameBytes);
  const before = await cpuUs(row.pid);
  const { ms, sent } = await callers.speak(counted ? roundMs : 1000);
  const spentUs = (await cpuUs(row.pid)) - before;
  await callers.close();
  if (!counted) return;
  for (const each of ms) row.ms.push(each);
  // Each goes up, and comes down.
  row.frameUs.push(spentUs / (2 * sent));
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

async function cpuUs(pid: number): Promise<number> {
  if (pid === 0) return 0;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * tickUs;
}

function show(rows: readonly Row[], hasNginx: boolean): void {
  const [direct, ours, ...others] = rows;
  if (!direct || !ours) return;
  console.log(
    `bridge: ${sessions} calls of 50 frames a second (${frameBytes} bytes of audio each) both ways; ${rounds} rounds of ${roundMs / 1000} s`,
  );
  for (const { name, ms, frameUs } of rows) {
    const cost = median(frameUs) > 0 ? `${median(frameUs).toFixed(2)} us CPU a frame` : '';
    const added = quantile(ms, 0.99) - quantile(direct.ms, 0.99);
    const way = `there and back p50 ${shownMs(median(ms))} p99 ${shownMs(quantile(ms, 0.99))}`;
    console.log(
      `  ${name.padEnd(15)} ${way}  ${name === 'directly' ? '' : `adds ${shownMs(added)} at p99`}  ${cost}`,
    );
  }
  for (const { name, frameUs } of others)
    console.log(`  against ${name}: ${(median(ours.frameUs) / median(frameUs)).toFixed(2)}x its CPU a frame`);
  if (!hasNginx) console.log('  (no nginx here: apt-get install nginx-light)');
}
