// Streamed tokens from an engine to its callers: asked directly, through the gateway, and through nginx where there is
// one, in turns of the same run. The time to the first token, one caller at a time; tokens a second of many at a time, as
// fast as the engine gives them; and the processor time that a token costs whoever passes it on.
import { accessSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, median, nodeOptions, quantile, repositoryFile, shownMs } from './measure.ts';
import type { Workbench } from './workbench.ts';

const rounds = 5;
const firstTokens = 100;
const callers = 32;
const tokensEach = 3000;
/** Of a clock tick in /proc. */
const tickUs = 10_000;

/** Gives as many tokens as the message says, no faster than they are taken. */
const engine = `import { createServer } from 'node:http';
const chunk = (delta, finish_reason) => 'data: ' + JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'bench', choices: [{ index: 0, delta, finish_reason }] }) + '\\n\\n';
const token = chunk({ content: ' token' }, null);
const end = chunk({}, 'stop') + 'data: [DONE]\\n\\n';
createServer((request, response) => {
  if (request.url === '/health') return response.end('ok');
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let left = JSON.parse(body).messages[0].content;
    const more = () => {
      for (; left > 0; left -= 1) if (!response.write(token)) return response.once('drain', () => { left -= 1; more(); });
      response.end(end);
    };
    more();
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
`;

const nginxConfig = (
  port: number,
  to: number,
  folder: string,
) => `daemon off; master_process off; pid ${folder}/pid;
error_log ${folder}/error.log; events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder};
  fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; proxy_buffering off; } } }
`;

interface Row {
  readonly name: string;
  readonly port: number;
  /** Of whoever stands between; 0 where nobody does. */
  readonly pid: number;
  readonly firstMs: number[];
  readonly perSecond: number[];
  readonly tokenUs: number[];
}

export async function run(bench: Workbench): Promise<void> {
  const program = await bench.write('engine.mjs', engine);
  const port = await freePort();
  const llm = `{run: [${process.execPath}, ${program}, "\${port}"], offers: [chat]}`;
  const gateway = await bench.start([
    ...[...nodeOptions, repositoryFile('dist/main.js'), 'up', '--listen', `127.0.0.1:${port}`],
    ...['--set', `engines={llm: ${llm}}`, '--set', 'pipelines={}'],
  ]);
  await answers(port, '/readyz');
  const enginePort = await portOfEngine(port);
  const nginx = await startNginx(bench, enginePort);
  const row = (name: string, at: number, pid = 0): Row => ({
    ...{ name, port: at, pid, firstMs: [], perSecond: [], tokenUs: [] },
  });
  const rows = [
    row('asked directly', enginePort),
    row('greenroom', port, gateway.pid),
    ...(nginx ? [row('nginx', nginx.port, nginx.pid)] : []),
  ];
  // One before the counting, so that everybody is warm.
  for (let round = 0; round <= rounds; round += 1) for (const each of rows) await measure(each, round > 0);
  show(rows);
}

async function measure(row: Row, counted: boolean): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const firsts: number[] = [];
  for (let count = 0; count < firstTokens; count += 1) firsts.push((await ask(row.port, agent, 5)).firstMs);
  const cpuBefore = await cpuUs(row.pid);
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: callers }, () => ask(row.port, agent, tokensEach)));
  const seconds = (performance.now() - beganMs) / 1000;
  const spentUs = (await cpuUs(row.pid)) - cpuBefore;
  agent.destroy();
  if (!counted) return;
  row.firstMs.push(...firsts);
  row.perSecond.push((callers * tokensEach) / seconds);
  row.tokenUs.push(spentUs / (callers * tokensEach));
}

/** Reads a whole stream; throws when there is less in it than was asked for. */
function ask(port: number, agent: Agent, tokens: number): Promise<{ readonly firstMs: number }> {
  return new Promise((resolve, reject) => {
    const beganMs = performance.now();
    let firstMs = 0;
    let bytes = 0;
    const body = JSON.stringify({
      model: 'llm',
      stream: true,
      messages: [{ role: 'user', content: tokens }],
    });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const asked = request(
      { port, agent, path: '/v1/chat/completions', method: 'POST', headers },
      (response) => {
        response.on('data', (part: Buffer) => {
          firstMs ||= performance.now() - beganMs;
          bytes += part.length;
        });
        response.on('end', () => {
          if (bytes > tokens * 100) resolve({ firstMs });
          else reject(new Error(`HTTP ${response.statusCode}: ${bytes} bytes for ${tokens} tokens`));
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

async function startNginx(bench: Workbench, to: number) {
  const path = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/bin/nginx'].find(isThere);
  if (!path) return undefined;
  const port = await freePort();
  const file = await bench.write('nginx.conf', nginxConfig(port, to, bench.folder));
  const { pid } = await bench.startOther(path, ['-c', file, '-p', bench.folder]);
  await answers(port, '/health');
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

async function answers(port: number, path: string): Promise<void> {
  for (let count = 0; count < 200; count += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    if (answer?.ok) return;
    await delay(50);
  }
  throw new Error(`nobody answers at ${port}${path}`);
}

async function portOfEngine(gatewayPort: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${gatewayPort}/api/engines`);
  const { data } = (await answer.json()) as { readonly data: readonly { readonly port: number }[] };
  return data[0]?.port ?? 0;
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

function show(rows: readonly Row[]): void {
  console.log(
    `proxy: streamed tokens; ${rounds} rounds of ${firstTokens} first tokens one by one, and ${callers} callers of ${tokensEach} tokens at a time`,
  );
  const [direct] = rows;
  for (const { name, firstMs, perSecond, tokenUs } of rows) {
    const ratio = (ours: number, theirs: number) => `${(ours / theirs).toFixed(2)}x`;
    const first = `first token p50 ${shownMs(median(firstMs))} (${ratio(median(firstMs), median(direct?.firstMs ?? []))}) p99 ${shownMs(quantile(firstMs, 0.99))}`;
    const rate = `${Math.round(median(perSecond)).toLocaleString('en')} tokens/s (${ratio(median(perSecond), median(direct?.perSecond ?? []))})`;
    const cost = median(tokenUs) > 0 ? `${median(tokenUs).toFixed(2)} us CPU a token` : '';
    console.log(`  ${name.padEnd(15)} ${first}  ${rate.padEnd(26)} ${cost}`);
  }
  const [, ours, nginx] = rows;
  if (!ours || !nginx) return console.log('  (no nginx here: apt-get install nginx-light)');
  const [first, rate] = [
    median(ours.firstMs) - median(nginx.firstMs),
    median(ours.perSecond) / median(nginx.perSecond),
  ];
  console.log(
    `  against nginx: first token ${first >= 0 ? '+' : ''}${shownMs(first)}, ${rate.toFixed(2)}x its tokens/s, ${(median(ours.tokenUs) / median(nginx.tokenUs)).toFixed(1)}x its CPU a token`,
  );
}
