// Where the process meets the shutdown: signals and fatal errors ask for it, and the exit code tells how it went. The
// only place that installs signal handlers, and the only forced exit.
import type { EventEmitter } from 'node:events';
import { systemClock, type Timer } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Shutdown, ShutdownReport, ShutdownState } from './shutdown.ts';

/** What is still unwritten after the report has so much more. */
const unwrittenMs = 200;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type EndSignal = (typeof signals)[number];

/** Calls back for every SIGINT, SIGTERM and SIGHUP, instead of the process ending. Returns the undo. */
export function listenForSignals(callback: (name: EndSignal) => void): () => void {
  const onSignal = (name: NodeJS.Signals) => callback(name as EndSignal);
  for (const name of signals) process.on(name, onSignal);
  return () => {
    for (const name of signals) process.off(name, onSignal);
  };
}

export interface ProcessEndOptions {
  /** A line for standard error; must be synchronous, since the process may be about to end. */
  readonly say: (line: string) => void;
  /** Called for every signal, before it is acted on. */
  readonly onSignal?: () => void;
  /** What a signal does. Default: asks the shutdown. */
  readonly signal?: (name: EndSignal) => void;
}

/**
 * Sends SIGINT, SIGTERM, SIGHUP, uncaught exceptions and unhandled rejections to the shutdown, and makes its report the
 * exit code. Returns the undo. Handlers stay until the process ends, so that a late signal never kills a half-written
 * report.
 */
export function installProcessEnd(shutdown: Shutdown, options: ProcessEndOptions): () => void {
  const { say, onSignal, signal = (name) => shutdown.signal(name) } = options;
  let report: ShutdownReport | undefined;
  let unwritten: Timer | undefined;
  // A reader that has stopped, its pipe full, holds the loop for ever: then the report's code is the end.
  const leaveUnwritten = () => {
    if (isUnwritten() && openHandles().length === 0) process.exit();
    unwritten = systemClock.after(unwrittenMs, leaveUnwritten, { ref: false });
  };
  void shutdown.done.then((given) => {
    report = given;
    unwritten = systemClock.after(unwrittenMs, leaveUnwritten, { ref: false });
  });
  const onFatal = (kind: string) => (thrown: unknown) => {
    void shutdown.request('fatal_error');
    // Too late for the report, never too late for the exit code.
    if (report) process.exitCode ||= 1;
    const trace = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    say(`fatal: ${kind}: ${trace}`);
  };
  const onExit = () => {
    // The loop emptied before there was a report: never let that look like success.
    const early = shutdown.state === 'running' ? 1 : 3;
    process.exitCode ||= report?.exitCode ?? early;
  };
  const undo = [
    listenForSignals((name) => {
      onSignal?.();
      signal(name);
    }),
    listen(process, 'uncaughtException', onFatal('uncaught exception')),
    listen(process, 'unhandledRejection', onFatal('unhandled rejection')),
    listen(process, 'exit', onExit),
    // Whoever read our output has left (a closed terminal or pipe): no fault of ours, and nobody to tell. Told as a
    // fatal error it would be written to the same stream, and fail again, for ever.
    listen(process.stdout, 'error', () => undefined),
    listen(process.stderr, 'error', () => undefined),
    () => unwritten?.cancel(),
  ];
  return () => {
    for (const each of undo) each();
  };
}

function listen(emitter: EventEmitter, event: string, listener: (thrown: unknown) => void): () => void {
  emitter.on(event, listener);
  return () => void emitter.off(event, listener);
}

/**
 * What the watchdog does when time is up: says what is left, kills the engines' groups, and ends the process, whatever
 * of that fails.
 */
export function forceExit(options: {
  readonly cause: 'watchdog' | 'second_signal';
  readonly state: ShutdownState;
  readonly open: readonly string[];
  readonly killGroups: () => readonly string[];
  readonly say: (line: string) => void;
}): never {
  const { cause, state, open, killGroups, say } = options;
  const why = cause === 'watchdog' ? 'time is up' : 'asked again';
  try {
    try {
      const names = [...open, ...openHandles()].join(', ') || 'nothing by name';
      say(`forced exit (${why}, ${state}): still open: ${names}`);
    } finally {
      const killed = killGroups();
      if (killed.length > 0) say(`killed: ${killed.join(', ')}`);
    }
  } catch (error) {
    say(`forced exit: ${messageOf(error)}`);
  } finally {
    process.exit(3);
  }
}

function isUnwritten(): boolean {
  return process.stdout.writableLength > 0 || process.stderr.writableLength > 0;
}

/** What keeps the loop alive besides our output, as Node calls it, each kind once with its number. */
function openHandles(): readonly string[] {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const output of ['TTYWrap', 'PipeWrap', 'WriteWrap', 'SimpleWriteWrap']) counts.delete(output);
  return [...counts].map(([kind, count]) => (count > 1 ? `${count} ${kind}` : kind));
}
