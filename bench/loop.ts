// Promise 1, and stays responsive: connect latency while an engine burns CPU for 10 s as it loads. Three in one run:
// greenroom with a worker engine; a bare node:http server with the same burning in a process beside it (what the
// machine allows); and the same server that burns on its own loop, in steps, as the replaced systems did.
import { setTimeout as delay } from 'node:timers/promises';
import {
  firstWebSocket,
  freePort,
  handshake,
  nodeOptions,
  quantile,
  repositoryFile,
  shownMs,
} from './measure.ts';
import type { Workbench } from './workbench.ts';

const burnMs = 10_000;
const everyMs = 10;
const targetMs = 10;

const burner = `export default { contract: 1, offers: ['speak'], async load() {
  const until = performance.now() + ${burnMs}; while (performance.now() < until) Math.sqrt(Math.random());
  return { async *speak() { yield { pcm: new Int16Array(1200), rate: 24000 }; } };
} };`;

const server = (burn: string) => `
  import { createServer } from 'node:http';
  import { spawn } from 'node:child_process';
  const server = createServer((request, response) => response.end('ok'));
  server.on('upgrade', (request, socket) => { socket.on('error', () => {}); socket.end('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n'); });
  server.listen(Number(process.argv[1]), '127.0.0.1', () => { ${burn} });
`;
const beside = `const child = spawn(process.execPath, ['-e', 'const until = performance.now() + ${burnMs}; while (performance.now() < until) Math.sqrt(Math.random());']); process.on('SIGTERM', () => { child.kill(); process.exit(); });`;
const onLoop = `const until = performance.now() + ${burnMs}; const step = () => { const stop = performance.now() + 500; while (performance.now() < stop) Math.sqrt(Math.random()); if (performance.now() < until) setTimeout(step, 1); }; setTimeout(step, 300);`;

async function latencies(
  bench: Workbench,
  args: (port: number) => readonly string[],
  path: string,
): Promise<readonly number[]> {
  const port = await freePort();
  const program = await bench.start(args(port));
  try {
    await firstWebSocket(port, path, program.startedMs);
    const samples: number[] = [];
    const until = performance.now() + burnMs - 1000;
    while (performance.now() < until) {
      const began = performance.now();
      if ((await handshake(port, path)) === null) throw new Error('the door was shut');
      samples.push(performance.now() - began);
      await delay(everyMs);
    }
    return samples;
  } finally {
    await program.close();
  }
}

export async function run(bench: Workbench): Promise<void> {
  const module = await bench.write('burner.mjs', burner);
  const engines = `engines={voice: {worker: ${module}}, activity: {builtin: silero}}`;
  const pipelines = 'pipelines={default: {kind: echo, speak: voice, vad: activity}}';
  const rows = {
    greenroom: await latencies(
      bench,
      (port) => [
        ...nodeOptions,
        repositoryFile('dist/main.js'),
        'up',
        '--listen',
        `127.0.0.1:${port}`,
        '--set',
        engines,
        '--set',
        pipelines,
      ],
      '/v1/realtime',
    ),
    'bare node:http, burning beside it': await latencies(
      bench,
      (port) => ['--input-type=module', '-e', server(beside), String(port)],
      '/',
    ),
    'bare node:http, burning on its loop': await latencies(
      bench,
      (port) => ['--input-type=module', '-e', server(onLoop), String(port)],
      '/',
    ),
  };
  console.log(
    `loop: WebSocket connect latency, one every ${everyMs} ms, while an engine burns CPU for ${burnMs / 1000} s`,
  );
  for (const [name, samples] of Object.entries(rows)) {
    const at = (share: number) => shownMs(quantile(samples, share)).padStart(10);
    console.log(
      `  ${name.padEnd(37)} p50${at(0.5)}  p99${at(0.99)}  max${at(1)}  (${samples.length} connects)`,
    );
  }
  const ours = quantile(rows.greenroom, 0.99);
  const bare = quantile(rows['bare node:http, burning beside it'], 0.99);
  const naive = quantile(rows['bare node:http, burning on its loop'], 0.99);
  console.log(
    `  ratio at p99: ${(ours / bare).toFixed(2)}x the bare server, 1/${(naive / ours).toFixed(0)} of burning on the loop  (target: p99 <= ${targetMs} ms)`,
  );
}
