// The gateway's log: kept until its file in the data directory is open, then written there. Its library is loaded only
// then: the door does not wait for it. How much it says can be changed while it is written.
import { constants, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type LogConfig, type LogLevel, logLevels } from '../config/types.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { ScopeOptions } from '../lifecycle/estate.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { ShutdownReport } from '../lifecycle/shutdown.ts';
import { EarlyLog } from '../telemetry/early-log.ts';
import type { FileLog } from '../telemetry/log.ts';
import type { DataDirectory } from './data-directory.ts';

export interface LogSettings {
  readonly level: LogLevel;
  /** Every release is logged: what, whose, how long it took. */
  readonly cleanup: boolean;
}

export type LogChange = Partial<LogSettings>;

/** The report is looked for in so much of the log's end. */
const reportBytesMax = 256 * 1024;

const pathIn = (directory: string) => join(directory, 'logs', 'greenroom.log');

export class GatewayLog extends EarlyLog {
  /** What the scopes of the gateway tell. */
  readonly listeners: Required<Pick<ScopeOptions, 'onTaskFailure' | 'onReleaseProblem' | 'onRelease'>> = {
    onTaskFailure: ({ task, scope, error }) =>
      this.error({ error, task, scope }, `task ${task} of ${scope} failed`),
    onReleaseProblem: (ending) => {
      const how = ending.result === 'failed' ? 'failed' : 'is overdue';
      this.warn({ ...ending }, `${ending.path}: the release ${how}`);
    },
    onRelease: (ending) => {
      if (!this.#settings.cleanup) return;
      const ms = Math.round(ending.ms * 10) / 10;
      this.info({ ...ending, ms }, `release ${ending.path}: ${ending.result} after ${ms} ms`);
    },
  };
  readonly #limits: Pick<LogConfig, 'sizeBytes' | 'keep'>;
  #settings: LogSettings;
  #file: FileLog | undefined;

  constructor({ level, cleanup, sizeBytes, keep }: LogConfig) {
    super();
    this.#settings = { level, cleanup };
    this.#limits = { sizeBytes, keep };
  }

  get settings(): LogSettings {
    return this.#settings;
  }

  /** From the next line on. Returns what holds then. */
  change(change: LogChange): LogSettings {
    this.#settings = { ...this.#settings, ...change };
    const { level, cleanup } = this.#settings;
    if (this.#file) this.#file.level = level;
    this.info({ level, cleanup }, `the log has level ${level}, releases ${cleanup ? 'on' : 'off'}`);
    return this.#settings;
  }

  /** Its place in the scope is that of now, so that it is closed after whatever writes to it. */
  openIn(scope: Scope, { data, mask, seated, report }: LogOpening): Promise<void> {
    const open = async () => {
      await seated;
      await this.open(data, mask);
    };
    return scope.acquire('log', open, () => this.close(report()));
  }

  /** Closed by `close`, before the directory. Throws `data_directory_unusable`. */
  async open(data: DataDirectory, mask: (text: string) => string): Promise<void> {
    const { openFileLog } = await import('../telemetry/log.ts');
    const { level } = this.#settings;
    const file = await openFileLog({ path: pathIn(data.path), level, limits: this.#limits, mask });
    file.level = this.#settings.level;
    this.#file = file;
    for (const notice of data.notices) file.warn({}, notice);
    this.attach(file);
  }

  /** The shutdown's report is its last line: all of it but the end of the stage that closes the log. */
  async close(report: ShutdownReport | undefined): Promise<void> {
    if (report) {
      const { forced, ms, exitCode } = report;
      const end = forced.length > 0 ? `, forced: ${forced.join(', ')}` : '';
      const line = `left but for this log in ${Math.round(ms)} ms, exit code ${exitCode}${end}`;
      this[exitCode === 0 ? 'info' : 'warn'](report, line);
    }
    await this.#file?.close();
  }
}

interface LogOpening {
  readonly data: DataDirectory;
  readonly mask: (text: string) => string;
  /** Callers are, and may be kept waiting for it. */
  readonly seated: Promise<void>;
  readonly report: () => ShutdownReport | undefined;
}

/** A change that somebody asks for in JSON: `{"level"?, "cleanup"?}`. Throws `invalid_request`. */
export function logChangeIn(body: unknown): LogChange {
  const asked = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  const { level, cleanup, ...others } = asked;
  const unknown = Object.keys(others);
  const wrong = (what: string) =>
    new GreenroomError('invalid_request', `${what}; expected {"level"?: "info", "cleanup"?: true}`);
  if (unknown.length > 0) throw wrong(`the log has no ${unknown.join(', ')}`);
  if (level === undefined && cleanup === undefined) throw wrong('nothing to change');
  if (cleanup !== undefined && typeof cleanup !== 'boolean') throw wrong('`cleanup` is true or false');
  const known = logLevels.find((each) => each === level);
  if (level !== undefined && !known) throw wrong(`\`level\` is one of ${logLevels.join(', ')}`);
  return { ...(known && { level: known }), ...(cleanup !== undefined && { cleanup }) };
}

/** A log is a file, which may hold anything by now. */
function isReport(line: unknown): line is ShutdownReport {
  const { stages, forced, ms, exitCode } = (line ?? {}) as Readonly<Record<string, unknown>>;
  const isStage = (stage: unknown): boolean => {
    const { name, startMs, ms: took, outcome, notes } = (stage ?? {}) as Readonly<Record<string, unknown>>;
    const times = typeof startMs === 'number' && typeof took === 'number';
    return typeof name === 'string' && times && typeof outcome === 'string' && Array.isArray(notes);
  };
  const numbers = typeof ms === 'number' && typeof exitCode === 'number';
  return numbers && Array.isArray(forced) && Array.isArray(stages) && stages.every(isStage);
}

/** The report of the last shutdown, if the log of this data directory ends with one that is not older than `sinceMs`. */
export async function readLastReport(
  directory: string,
  sinceMs: number,
): Promise<ShutdownReport | undefined> {
  try {
    // Not waiting: in its place may be a pipe that nobody writes to.
    await using file = await open(pathIn(directory), constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = await file.stat();
    const end = Buffer.alloc(Math.min(size, reportBytesMax));
    await file.read(end, 0, end.length, size - end.length);
    const line: unknown = JSON.parse(end.toString().trimEnd().split('\n').at(-1) ?? '');
    const { time } = (line ?? {}) as { time?: unknown };
    const fresh = typeof time === 'string' && Date.parse(time) >= sinceMs;
    return fresh && isReport(line) ? line : undefined;
  } catch {
    // No log, or none that ends with a report: it was turned off, or its writer was killed.
    return undefined;
  }
}
