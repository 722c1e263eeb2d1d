// Runs inside a worker engine's own process or thread: loads the module, runs its calls, reports. It trusts nothing of
// the module: whatever it throws becomes a message. Ends with its parent.
import { Socket } from 'node:net';
import { isMainThread, parentPort } from 'node:worker_threads';
import { yieldThread } from '../../lifecycle/priority.ts';
import type { EngineModule, LoadedEngine } from '../contract.ts';
import { isPassing } from '../passing.ts';
import { Channel, channelFd } from './channel.ts';
import { HostCalls } from './host-calls.ts';
import { checkLoaded, importEngine } from './module-checks.ts';
import { Progress } from './progress.ts';
import type { FromHost, ToHost } from './protocol.ts';
import { thrownFacts } from './thrown.ts';

const post = connect();
const loading = new AbortController();
let calls: HostCalls | undefined;
let loaded: LoadedEngine | undefined;
let state: 'open' | 'closing' = 'open';

async function load(path: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  let engine: EngineModule;
  try {
    engine = await importEngine(path);
  } catch (error) {
    return loadFailed('contract', error);
  }
  const progress = new Progress(post);
  let reason: 'load' | 'contract' = 'load';
  try {
    const { signal } = loading;
    loaded = await engine.load({ options, signal, progress: (...told) => progress.tell(...told) });
    reason = 'contract';
    checkLoaded(engine, loaded);
  } catch (error) {
    return loadFailed(reason, error);
  } finally {
    progress.end();
  }
  calls = new HostCalls(loaded, post);
  // Only from here on is there something to close: a TERM during the load just ends the process, also when the
  // load blocks it.
  if (isMainThread) process.on('SIGTERM', () => void close());
  post({ type: 'loaded', offers: [...new Set(engine.offers)], concurrency: engine.concurrency ?? 1 });
}

function loadFailed(reason: 'contract' | 'load', error: unknown): void {
  post({ type: 'load_failed', reason: isPassing(error) ? 'passing' : reason, ...thrownFacts(error) });
}

/** Lets the engine close what it holds; the parent has a deadline for it. */
async function close(): Promise<void> {
  if (state === 'closing') return;
  state = 'closing';
  loading.abort('server_shutdown');
  calls?.cancelAll();
  try {
    await loaded?.close?.();
  } catch (error) {
    console.error('close() failed:', error);
  }
  // Whatever handle the module has left open: of a thread, this ends the thread alone.
  process.exit();
}

function receive(message: ToHost): void {
  if (message.type === 'load') void load(message.module, message.options);
  else if (message.type === 'close') void close();
  else calls?.receive(message);
}

function connect(): (message: FromHost) => void {
  if (!isMainThread) {
    parentPort?.on('message', receive);
    // A process is made to yield by its parent.
    yieldThread();
    return (message) => parentPort?.postMessage(message);
  }
  const channel = new Channel(new Socket({ fd: channelFd, readable: true, writable: true }), {
    message: (message) => receive(message as ToHost),
    broken: ({ what }) => console.error(`the channel to the gateway is broken: ${what}`),
    // The gateway is gone, or lost to us. The reaper sends KILL as well; this is the quick way.
    closed: () => process.exit(),
  });
  return (message) => channel.send(message);
}

post({ type: 'hello' });
