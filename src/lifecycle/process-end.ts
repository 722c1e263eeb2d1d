// Where the process meets the shutdown: signals and fatal errors ask for it, and the exit code tells how it went. The
// only place that installs signal handlers, and the only forced exit.
import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Shutdown, ShutdownReport, ShutdownState } from './shutdown.ts';

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
  readonly clock: Clock;
  /** A line for standard error; must be synchronous, since the process may be about to end. */
  readonly say: (line: string) => void;
}

/**
 * Sends SIGINT, SIGTERM, SIGHUP, uncaught exceptions and unhandled rejections to the shutdown. Returns the undo.
 * Handlers stay until the process ends, so that a late signal never kills a half-written report.
 */
export function installProcessEnd(shutdown: Shutdown, { say }: ProcessEndOptions): () => void {
  const ignoreSignals = listenForSignals((name) => shutdown.signal(name));
  const onFatal = (kind: string) => (thrown: unknown) => {
    const trace = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    say(`fatal: ${kind}: ${trace}`);
    void shutdown.request('fatal_error');
  };
  const onException = onFatal('uncaught exception');
  const onRejection = onFatal('unhandled rejection');
  const onExit = () => {
    // The loop emptied before the report: never let that look like success.
    if (shutdown.state === 'stopping' && !process.exitCode) process.exitCode = 3;
  };
  process.on('uncaughtException', onException);
  process.on('unhandledRejection', onRejection);
  process.on('exit', onExit);
  void shutdown.done.then((report: ShutdownReport) => {
    process.exitCode = report.exitCode;
  });
  return () => {
    ignoreSignals();
    process.off('uncaughtException', onException);
    process.off('unhandledRejection', onRejection);
    process.off('exit', onExit);
  };
}

/** What the watchdog does when time is up: says what is left, kills the engines' groups, and ends the process. */
export function forceExit(options: {
  readonly cause: 'watchdog' | 'second_signal';
  readonly state: ShutdownState;
  readonly open: readonly string[];
  readonly killGroups: () => readonly string[];
  readonly say: (line: string) => void;
}): never {
  const { cause, state, open, say } = options;
  const why = cause === 'watchdog' ? 'time is up' : 'asked again';
  try {
    const handles = process
      .getActiveResourcesInfo()
      .filter((name) => name !== 'TTYWrap' && name !== 'PipeWrap');
    say(
      `forced exit (${why}, ${state}): still open: ${[...open, ...handles].join(', ') || 'nothing by name'}`,
    );
    const killed = options.killGroups();
    if (killed.length > 0) say(`killed: ${killed.join(', ')}`);
  } catch (error) {
    say(`forced exit: ${messageOf(error)}`);
  }
  process.exit(3);
}
