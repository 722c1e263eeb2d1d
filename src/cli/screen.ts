// What `up` shows, whoever looks: a person at a terminal, a log file, or a program that reads JSON lines.
import { relative, sep } from 'node:path';
import type { EngineStatus } from '../engines/status.ts';
import type { ShutdownReason, ShutdownReport } from '../lifecycle/shutdown.ts';
import type { Stall } from '../telemetry/loop-monitor.ts';
import type { Finding } from './discover.ts';
import type { EngineShown } from './gateway-health.ts';
import { oneLine } from './printable.ts';

export interface Screen {
  listening(facts: {
    readonly url: string;
    readonly pid: number;
    readonly ms: number;
    readonly source: string;
  }): void;
  /** Something that is on this machine, and what has become of it. */
  found(finding: Finding): void;
  /** An engine has changed. */
  engine(status: EngineStatus): void;
  /** `auth`: what callers have to bring. */
  ready(facts: { readonly url: string; readonly ms: number; readonly auth: 'none' | 'token' }): void;
  /** An engine that will not come back by itself. */
  failed(status: EngineStatus): void;
  stall(stall: Stall): void;
  leaving(reason: ShutdownReason): void;
  left(report: ShutdownReport): void;
  /** Every engine is ready or has failed for good: nothing is redrawn any more. */
  settled(): void;
  /** Something to read, at any time. */
  line(text: string): void;
  /** Synchronously: the process may end right after. */
  last(text: string): void;
}

/** How `talk` is called from another terminal in this folder. */
export function talkHint(auth: 'none' | 'token'): string {
  return `${commandHere()} talk --text "Hello there"${auth === 'token' ? ' --token TOKEN' : ''}`;
}

/** By its own path where it is not installed; with our own Node where that is not the one of the PATH. */
function commandHere(): string {
  const script = process.argv[1] ?? '';
  const path = relative(process.cwd(), script);
  if (script.includes(`${sep}_npx${sep}`) || !path.startsWith('..')) return 'npx greenroom';
  if (!script.endsWith('.js')) return 'greenroom';
  const bundled = process.execPath.includes(`${sep}node_modules${sep}node${sep}`);
  return `${bundled ? process.execPath : 'node'} ${path}`;
}

export const seconds = (ms: number): string =>
  ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

export const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;

/** `voice     starting  loaded  42 %  1.2 s  reading the model` */
export function engineLine(status: EngineShown, nameWidth: number): string {
  const { name, state, rung, text, elapsedMs, failure, attempt, activeCalls } = status;
  const shownRung = state === 'starting' && rung ? ` (${rung})` : '';
  const parts = [name.padEnd(nameWidth), `${state}${shownRung}`.padEnd(20)];
  const percent = percentOf(status);
  if (percent) parts.push(`${percent.estimated ? '~' : ''}${percent.value} %`.padStart(5));
  if (state === 'starting' || state === 'ready') parts.push(seconds(elapsedMs).padStart(7));
  const left = leftText(status);
  if (left) parts.push(left);
  if (activeCalls > 0) parts.push(`${activeCalls} ${activeCalls === 1 ? 'call' : 'calls'} under way`);
  if (attempt > 1) parts.push(`attempt ${attempt}`);
  const why = state === 'starting' ? text : (failure?.message ?? null);
  if (why) parts.push(oneLine(why));
  // What it said last is often the reason itself.
  const lastLine = state === 'backoff' ? failure?.logTail.at(-1) : undefined;
  if (lastLine) parts.push(`| ${oneLine(lastLine)}`);
  return parts.join('  ');
}

/** How far a load is: as the engine says, or else by how long it took before, which is never all of it. */
function percentOf({ state, progress, expectedMs, elapsedMs }: EngineShown) {
  if (state !== 'starting') return null;
  if (progress !== null) return { value: Math.round(progress * 100), estimated: false };
  if (expectedMs === null) return null;
  return { value: Math.min(99, Math.round((elapsedMs * 100) / Math.max(1, expectedMs))), estimated: true };
}

/** `about 3.2 s left`; of one that is late, how long it took before. */
function leftText({ state, expectedMs, etaMs }: EngineShown): string | null {
  if (state !== 'starting' || expectedMs === null || etaMs === null) return null;
  return etaMs > 0 ? `about ${seconds(etaMs)} left` : `usually ${seconds(expectedMs)}`;
}

export function failureLines({ name, failure }: EngineStatus): readonly string[] {
  if (!failure) return [];
  const tail = failure.logTail.map((line) => `  | ${line}`);
  return [
    `engine ${name} failed: ${failure.message} [${failure.code}]`,
    ...(tail.length > 0 ? ['its last lines:', ...tail] : []),
  ];
}

export function reportLines({ stages, forced, ms, exitCode }: ShutdownReport): readonly string[] {
  const width = Math.max(...stages.map(({ name }) => name.length));
  const lines = stages.map((stage) => {
    const notes = stage.notes.length > 0 ? `  ${stage.notes.join('; ')}` : '';
    return `  ${stage.name.padEnd(width)}  ${seconds(stage.ms).padStart(7)}  ${stage.outcome}${notes}`;
  });
  const end = forced.length > 0 ? `, forced: ${forced.join(', ')}` : '';
  return [...lines, `left in ${seconds(ms)}, exit code ${exitCode}${end}`];
}
