// Promise 1, the door is open: from process start to the first accepted WebSocket, against a bare server that answers
// every upgrade by hand and loads nothing it does not need. Once as a newcomer starts it, once with a YAML file and two
// slow engines. Cold processes in turn (A B C A B C ...), medians and their ratio.
import { firstWebSocket, freePort, median, nodeOptions, repositoryFile, shownMs } from './measure.ts';
import type { Workbench } from './workbench.ts';

const rounds = 15;
const targetMs = 150;
const targetRatio = 3;

const bareServer = `
  const { createServer } = require('node:http');
  const server = createServer((request, response) => response.end('ok'));
  server.on('upgrade', (request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n'));
  server.listen(Number(process.argv[1]), '127.0.0.1');
`;

const burner = `export default { contract: 1, offers: ['vad'], async load() {
  const until = performance.now() + 8000; while (performance.now() < until) Math.sqrt(Math.random());
  return { vad: () => ({ push: async () => [], close() {} }) };
} };`;

const slowConfig = (
  burnerPath: string,
) => `# A voice that takes 12 s, and turn detection that burns a core for 8 s.
engines:
  voice:
    run: [node, -e, "setTimeout(() => require('http').createServer((q, s) => s.end()).listen(process.env.PORT), 12000)"]
    port: auto
    offers: [speak]
  activity: { worker: ${burnerPath} }
pipelines:
  default: { kind: echo, speak: voice, vad: activity }
`;

async function once(
  bench: Workbench,
  args: (port: number) => readonly string[],
  path: string,
): Promise<number> {
  const port = await freePort();
  const program = await bench.start(args(port));
  try {
    return await firstWebSocket(port, path, program.startedMs);
  } finally {
    await program.close();
  }
}

export async function run(bench: Workbench): Promise<void> {
  const config = await bench.write('slow.yaml', slowConfig(await bench.write('burner.mjs', burner)));
  const up = (port: number) => [
    ...nodeOptions,
    repositoryFile('dist/main.js'),
    'up',
    '--listen',
    `127.0.0.1:${port}`,
  ];
  const rows = [
    { name: 'greenroom', path: '/v1/realtime', args: up, ms: [] as number[] },
    {
      name: 'greenroom, slow engines in a YAML file',
      path: '/v1/realtime',
      args: (port: number) => [...up(port), '-c', config],
      ms: [] as number[],
    },
    {
      name: 'bare node:http',
      path: '/',
      args: (port: number) => ['-e', bareServer, String(port)],
      ms: [] as number[],
    },
  ];
  // The first start fills the compile cache, as it does for users; it is shown, not counted.
  const firstMs = await once(bench, up, '/v1/realtime');
  for (let round = 0; round < rounds; round += 1)
    for (const { ms, args, path } of rows) ms.push(await once(bench, args, path));
  console.log(`door: process start to first accepted WebSocket, ${rounds} cold processes each`);
  const bare = median(rows.at(-1)?.ms ?? []);
  for (const { name, ms } of rows) {
    const range = `min ${shownMs(Math.min(...ms))}  max ${shownMs(Math.max(...ms))}`;
    const ratio = `${(median(ms) / bare).toFixed(2)}x`;
    console.log(`  ${name.padEnd(39)} median ${shownMs(median(ms)).padStart(8)}  ${range}  ${ratio}`);
  }
  console.log(
    `  (targets: <= ${targetMs} ms, <= ${targetRatio}x; very first start, nothing compiled: ${shownMs(firstMs)})`,
  );
}
