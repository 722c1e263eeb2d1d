// Promise 1, the door is open: from process start to the first accepted WebSocket, engines loading, against a bare
// node:http server that answers every upgrade by hand. Cold processes in turn (A B A B ...), medians and their ratio.
import { firstWebSocket, freePort, median, repositoryFile, shownMs, startProgram } from './measure.ts';

const rounds = 15;
const targetMs = 150;
const targetRatio = 3;

const bareServer = `
  import { createServer } from 'node:http';
  const server = createServer((request, response) => response.end('ok'));
  server.on('upgrade', (request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n'));
  server.listen(Number(process.argv[1]), '127.0.0.1');
`;

async function once(args: (port: number) => readonly string[], path: string): Promise<number> {
  const port = await freePort();
  const program = await startProgram(args(port));
  try {
    return await firstWebSocket(port, path, program.startedMs);
  } finally {
    await program.close();
  }
}

export async function run(): Promise<void> {
  const ours = (port: number) => [repositoryFile('dist/main.js'), 'up', '--listen', `127.0.0.1:${port}`];
  const bare = (port: number) => ['--input-type=module', '-e', bareServer, String(port)];
  const oursMs: number[] = [];
  const bareMs: number[] = [];
  // The first start fills the compile cache, as it does for users; it is shown, not counted.
  const firstMs = await once(ours, '/v1/realtime');
  for (let round = 0; round < rounds; round += 1) {
    oursMs.push(await once(ours, '/v1/realtime'));
    bareMs.push(await once(bare, '/'));
  }
  const ratio = median(oursMs) / median(bareMs);
  console.log(
    `door: process start to first accepted WebSocket, ${rounds} cold processes each, engines loading`,
  );
  console.log(
    `  greenroom        median ${shownMs(median(oursMs))}  min ${shownMs(Math.min(...oursMs))}  max ${shownMs(Math.max(...oursMs))}  (very first start ${shownMs(firstMs)})`,
  );
  console.log(
    `  bare node:http   median ${shownMs(median(bareMs))}  min ${shownMs(Math.min(...bareMs))}  max ${shownMs(Math.max(...bareMs))}`,
  );
  console.log(`  ratio ${ratio.toFixed(2)}x  (targets: <= ${targetMs} ms, <= ${targetRatio}x)`);
}
