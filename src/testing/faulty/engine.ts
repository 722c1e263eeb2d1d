// An engine for tests: a small OpenAI-compatible server that behaves, or does the one thing wrong that it is told to
// (faults.ts). Started as any `run:` engine; finds its port in PORT, and its options as JSON in its only argument.
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { answer, type Served } from './answers.ts';
import type { FaultyEngineOptions } from './faults.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as FaultyEngineOptions;
const { fault = 'none', loadMs = 0, says = 'This is a test.', tokenMs = 0 } = options;
const { PORT = '0', HOST = '127.0.0.1' } = process.env;
const began = performance.now();

/** So that nothing of ours outlives a test by more than this. */
const longestMs = 600_000;
const sleeper = `setTimeout(() => {}, ${fault === 'holds-stdout' ? 10_000 : longestMs})`;

function start(): void {
  switch (fault) {
    case 'exits-at-start':
      console.error('ggml: failed to allocate 4294967296 bytes: out of memory');
      process.exit(1);
      break;
    case 'exits-cleanly':
      process.exit(0);
      break;
    case 'silent':
      setTimeout(() => undefined, longestMs);
      return;
    case 'never-listens':
      setInterval(() => console.log('loading the model'), 100);
      return;
    case 'floods':
      for (let mebibytes = 0; mebibytes < 100; mebibytes += 1)
        process.stdout.write(`${'.'.repeat(2 ** 20 - 1)}\n`);
      break;
    case 'forks':
      spawn(process.execPath, ['-e', sleeper], { detached: true, stdio: 'ignore' }).unref();
      break;
    case 'holds-stdout':
      spawn(process.execPath, ['-e', sleeper], {
        detached: true,
        stdio: ['ignore', 'inherit', 'inherit'],
      }).unref();
      process.exit(1);
      break;
    case 'ignores-sigterm':
      process.on('SIGTERM', () => console.log('SIGTERM is of no interest'));
      break;
    default:
  }
  const server = createServer((request, response) => void serve(request, response));
  server.listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}`));
}

let served = 0;

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (fault === 'wedges' && served > 0) return;
  const loading = fault === 'never-ready' || performance.now() - began < loadMs;
  if (fault === 'unauthorized') return refuse(response, 401, 'Invalid API Key');
  if (loading) return refuse(response, 503, 'Loading model');
  if (request.url === '/health') return void response.writeHead(200).end('{"status":"ok"}');
  const told: Served = { request, response, says: fault === 'zero-tokens' ? '' : says, pace };
  await answer(told).catch((error: unknown) => refuse(response, 400, String(error)));
  served += 1;
}

/** Before each token. */
async function pace(token: number, response: ServerResponse): Promise<void> {
  if (token === 3) {
    if (fault === 'dies-mid-stream') process.exit(1);
    if (fault === 'cuts-mid-stream') response.destroy();
    if (fault === 'stalls-mid-stream') await delay(longestMs);
  }
  if (tokenMs > 0) await delay(tokenMs);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { message, type: 'unavailable_error', code: status } }));
}

start();
