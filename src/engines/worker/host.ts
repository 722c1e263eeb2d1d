// Runs inside a worker engine's own process or thread: loads the module, runs its calls, reports. It trusts nothing of
// the module: whatever it throws becomes a message. Ends with its parent.
import { pathToFileURL } from 'node:url';
import { isMainThread, parentPort } from 'node:worker_threads';
import type { EngineModule, LoadedEngine } from '../contract.ts';
import { HostCalls } from './host-calls.ts';
import type { FromHost, ToHost } from './protocol.ts';

const post: (message: FromHost) => void = isMainThread
  ? (message) => process.send?.(message)
  : (message) => parentPort?.postMessage(message);

const loading = new AbortController();
let calls: HostCalls | undefined;
let loaded: LoadedEngine | undefined;

async function load(path: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  let engine: EngineModule;
  try {
    engine = await importEngine(path);
  } catch (error) {
    return post({ type: 'load_failed', reason: 'contract', ...described(error) });
  }
  try {
    const progress = (fraction: number, text?: string) => {
      post({
        type: 'progress',
        fraction: Math.min(1, Math.max(0, Number(fraction) || 0)),
        text: text ?? null,
      });
    };
    loaded = await engine.load({ options, progress, signal: loading.signal });
    const instance = loaded;
    const missing = engine.offers.filter((capability) => typeof instance[capability] !== 'function');
    if (missing.length > 0) {
      const message = `it offers ${missing.join(', ')}, but load() gave no such function`;
      return post({ type: 'load_failed', reason: 'contract', message, stack: '' });
    }
    calls = new HostCalls(instance, post);
    // Only from here on is there something to close: a TERM during the load just ends the process, also when the
    // load blocks it.
    if (isMainThread) process.on('SIGTERM', () => void close());
    post({
      type: 'loaded',
      offers: engine.offers,
      concurrency: Math.max(1, Math.floor(engine.concurrency ?? 1)),
    });
  } catch (error) {
    post({ type: 'load_failed', reason: 'load', ...described(error) });
  }
}

async function importEngine(path: string): Promise<EngineModule> {
  const { default: engine } = (await import(pathToFileURL(path).href)) as { default?: EngineModule };
  if (typeof engine !== 'object' || engine === null) throw new Error('the module has no default export');
  if (engine.contract !== 1)
    throw new Error(`contract ${String(engine.contract)} is not known; this gateway speaks contract 1`);
  if (!Array.isArray(engine.offers) || engine.offers.length === 0)
    throw new Error('`offers` names no capability');
  if (typeof engine.load !== 'function') throw new Error('`load` is not a function');
  return engine;
}

function described(error: unknown): { message: string; stack: string } {
  if (error instanceof Error) return { message: error.message || error.name, stack: error.stack ?? '' };
  return { message: String(error), stack: '' };
}

/** Lets the engine close what it holds; the parent has a deadline for it. */
async function close(): Promise<void> {
  loading.abort('server_shutdown');
  calls?.cancelAll();
  try {
    await loaded?.close?.();
  } catch (error) {
    console.error('close() failed:', error);
  }
  if (isMainThread) process.disconnect?.();
  else parentPort?.close();
}

function receive(message: ToHost): void {
  if (message.type === 'load') void load(message.module, message.options);
  else if (message.type === 'close') void close();
  else calls?.receive(message);
}

if (isMainThread) {
  process.on('message', receive);
  // The parent is gone, or has said goodbye. The process group gets TERM and KILL as well; this is the quick way.
  process.on('disconnect', () => process.exit());
  // Ctrl+C reaches the whole terminal; ending is the gateway's to ask for.
  process.on('SIGINT', () => undefined);
} else {
  parentPort?.on('message', receive);
}
post({ type: 'hello' });
