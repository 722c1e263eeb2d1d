// The sentinel's own thread: see sentinel.ts.
import { write } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { workerData } from 'node:worker_threads';
import { systemClock, type Timer } from './clock.ts';
import { secondSignalMs } from './second-signal.ts';
import type { SentinelData } from './sentinel.ts';

/** libuv's signal handle, as Node's own `process.on('SIGTERM')` uses it. */
interface SignalHandle {
  onsignal: (number: number) => void;
  unref(): void;
  start(number: number): number;
}
interface Internals {
  readonly internalBinding: (name: 'signal_wrap') => { readonly Signal: new () => SignalHandle };
}

/** The line has this long. */
const lineMs = 50;

const { heard, graceMs } = workerData as SentinelData;
// Signals that the loop heard before we were there.
const before = Atomics.load(heard, 0);
let seen = 0;
let firstMs: number | undefined;
let waiting: Timer | undefined;

const isHeard = () => Atomics.load(heard, 0) - before >= seen;

function onSignal(name: NodeJS.Signals): void {
  seen += 1;
  const nowMs = systemClock.now();
  firstMs = waiting ? firstMs : nowMs;
  const again = nowMs - (firstMs ?? nowMs) > secondSignalMs;
  waiting ??= systemClock.after(graceMs, () => judge(name, 'its time is up'));
  // The loop has a moment to hear what we have heard: both are told at once.
  if (again) systemClock.after(secondSignalMs / 5, () => judge(name, 'asked again'));
}

function judge(name: NodeJS.Signals, why: string): void {
  waiting?.cancel();
  waiting = undefined;
  if (isHeard()) return;
  const heldMs = Math.round(systemClock.now() - (firstMs ?? 0));
  const line = `greenroom: the event loop is held: it has not heard ${name} for ${heldMs} ms (${why}); process ${process.pid} is killed with its engines\n`;
  // Written by another thread, and not waited for: whoever should take the line may be what holds the loop.
  write(2, line, end);
  systemClock.after(lineMs, end);
}

const end = () => process.kill(process.pid, 'SIGKILL');

const { internalBinding } = createRequire(import.meta.url)('internal/test/binding') as Internals;
const { Signal } = internalBinding('signal_wrap');
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  const handle = new Signal();
  handle.onsignal = () => onSignal(name);
  const refused = handle.start(constants.signals[name]);
  if (refused !== 0) throw new Error(`${name} cannot be watched (${refused})`);
}
