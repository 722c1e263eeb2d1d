// The journal of a data directory: which processes were spawned for its engines, so that the next gateway can end what
// one that was killed has left behind. Opened by who holds the directory's lock, closed once the engines are gone. What
// the disk does not take is told once, and holds nothing up.
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, delay, type Timer } from '../lifecycle/clock.ts';
import { Deadline } from '../lifecycle/deadline.ts';
import { messageOf } from '../lifecycle/errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { Whose } from './host/describe.ts';
import type { VisibleHolder } from './host/holder.ts';
import { readBootId, readPidNamespace, statOf } from './host/identity.ts';
import { carriersOf, killCarriers } from './host/marked.ts';
import { readProcStart } from './host/proc.ts';
import { type JournalPlace, markerOf, runName, runOf, spawnName } from './journal-entry.ts';
import {
  type JournalFound,
  journalFolder,
  makeJournalFolder,
  readJournal,
  removeEntries,
  writeEntry,
} from './journal-files.ts';

export interface JournalOptions {
  /** The data directory, in which it is the folder `journal`. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long the engines wait for it at their start, and it for what was left behind to be gone. */
const openMs = 3000;
const reapMs = 2000;
const reapOneMs = 1000;
/** After an engine has ended the reaper sweeps first; then we look, and look again. */
const firstLookMs = 50;
const lastLookMs = 30_000;
/** Who still carries the marker of an engine that has ended is ended from here after so many looks. */
const looksBeforeKill = 3;
const closeLooks = 5;
const closePauseMs = 20;
const argvBytesMax = 256 * 1024;
const corruptShownMax = 5;

/** Whom an engine or an earlier gateway has left behind, and so may be ended. */
export type Left = Pick<Journal, 'whose' | 'isLeft' | 'reap'>;

export class Journal {
  readonly #options: JournalOptions;
  readonly #folder: string;
  readonly #run = randomBytes(16).toString('hex');
  /** Engines by marker: those that run, and those that have ended but may have left somebody. */
  readonly #live = new Map<string, string>();
  readonly #ended = new Map<string, { readonly engine: string; looks: number }>();
  /** Runs of before that may have left somebody here. */
  #earlier: ReadonlySet<string> = new Set();
  #here: JournalPlace = { bootId: null, pidNamespace: null };
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** What is written and removed, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #lookMs = firstLookMs;
  #disk: 'well' | 'refused' = 'well';

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#folder = join(options.directory, journalFolder);
  }

  /** Ends what was left behind, which may hold ports, models and memory, and begins a run. Never throws, and takes 3 s at the most. */
  async open(): Promise<void> {
    const { clock, log } = this.#options;
    this.#opening ??= this.#open().catch((error: unknown) => this.#refused(error));
    const deadline = new Deadline(clock, openMs);
    const { state } = await deadline.wait(this.#opening);
    deadline.dispose();
    if (state === 'expired')
      log.warn({}, `the journal is not open after ${openMs} ms: the engines start without it`);
  }

  /** For one instance of an engine: returns its marker. @param id unique to it */
  begin(id: string, engine: string): string {
    const marker = markerOf(this.#run, id);
    this.#live.set(marker, engine);
    return marker;
  }

  /** Its process is there, the first of a group of its own. @param at where it listens */
  spawned(marker: string, pid: number, at: string | null): void {
    this.#then(async () => {
      const [stat, argv] = await Promise.all([
        statOf(pid),
        readProcStart(`/proc/${pid}/cmdline`, argvBytesMax),
      ]);
      const engine = this.#live.get(marker);
      if (engine === undefined) return;
      await writeEntry(this.#folder, spawnName(marker), {
        ...{ marker, engine, pid, pgid: pid, startTime: stat?.startTime ?? null, ...this.#here },
        argvHash: argv?.length ? createHash('sha256').update(argv).digest('hex').slice(0, 16) : null,
        ...{ at, spawnedAt: this.#now() },
      });
    });
  }

  /** The instance is gone. Its entry goes when nobody carries its marker any more. Idempotent. */
  ended(marker: string): void {
    const engine = this.#live.get(marker);
    if (engine === undefined) return;
    this.#live.delete(marker);
    this.#ended.set(marker, { engine, looks: 0 });
    this.#lookMs = firstLookMs;
    if (!this.#closing) this.#lookLater();
  }

  readonly whose: Whose = (marker) => {
    const run = runOf(marker);
    if (run !== undefined && this.#earlier.has(run)) return { state: 'earlier' };
    if (run !== this.#run) return { state: 'stranger' };
    const live = this.#live.get(marker);
    if (live !== undefined) return { state: 'live', engine: live };
    return { state: 'ended', engine: this.#ended.get(marker)?.engine ?? null };
  };

  /** Whether it was left behind, by an instance of ours that has ended or by an earlier gateway. */
  isLeft({ mark }: VisibleHolder): boolean {
    const state = mark.state === 'marked' ? this.whose(mark.marker).state : 'stranger';
    return state === 'ended' || state === 'earlier';
  }

  /** KILLs who was left behind, with all who carry its marker, and waits until they are gone, 1 s at the most. */
  async reap(holder: VisibleHolder): Promise<'gone' | 'there'> {
    const { mark, pid, command } = holder;
    if (mark.state !== 'marked' || !this.isLeft(holder)) return 'there';
    const { clock, log } = this.#options;
    const { marker } = mark;
    const untilMs = clock.now() + reapOneMs;
    log.warn({ pid, marker }, `reaped pid ${pid} (${command}), which an engine had left behind`);
    while ((await killCarriers((each) => each === marker)).length > 0) {
      if (clock.now() >= untilMs) return 'there';
      await delay(clock, 10);
    }
    return 'gone';
  }

  /** Removes what is over; what is not stays for the next gateway. Every caller gets the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<void> {
    const folder = this.#folder;
    const [bootId, pidNamespace] = await Promise.all([readBootId(), readPidNamespace()]);
    this.#here = { bootId, pidNamespace };
    await makeJournalFolder(folder);
    const found = await readJournal(folder);
    if (found.names.length > 0) await this.#clear(found);
    const [run, pid] = [this.#run, process.pid];
    await writeEntry(folder, runName(run), { run, pid, startedAt: this.#now(), ...this.#here });
  }

  /** What gateways of before have left. */
  async #clear(found: JournalFound): Promise<void> {
    const { clock, log } = this.#options;
    const folder = this.#folder;
    for (const { name, problem } of found.corrupt.slice(0, corruptShownMax))
      log.warn({ name }, `the journal has dropped ${name}: ${problem}`);
    const more = found.corrupt.length - corruptShownMax;
    if (more > 0) log.warn({}, `the journal has dropped ${more} more entries that are no better`);
    if (found.unread > 0)
      log.warn({}, `the journal has dropped ${found.unread} entries unread: they are too many`);
    const { findStale, reapStale } = await import('./stale.ts');
    const stale = await findStale(found, this.#here);
    this.#earlier = new Set(stale.runs.keys());
    const left = await reapStale(stale, found.spawns, { log, clock, limitMs: reapMs });
    for (const { pid } of left)
      log.warn({ pid }, `process ${pid} of an earlier gateway has not ended after KILL; it is left`);
    const kept = left.map(({ marker }) => runOf(marker) ?? '');
    const over = found.names.filter((name) => !kept.some((run) => name.includes(run)));
    await removeEntries(folder, over).catch((error: unknown) => this.#refused(error));
  }

  async #close(): Promise<void> {
    const { clock } = this.#options;
    this.#timer?.cancel();
    await this.#opening;
    for (let looks = 0; looks < closeLooks; looks += 1) {
      if (looks > 0) await delay(clock, closePauseMs);
      await this.#look(looks === 0 ? 'watch' : 'kill').catch((error: unknown) => this.#refused(error));
      if (this.#ended.size === 0) break;
    }
    if (this.#ended.size === 0 && this.#live.size === 0)
      this.#then(() => removeEntries(this.#folder, [runName(this.#run)]));
    await this.#writing;
  }

  #lookLater(): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    const look = async () => {
      await this.#look('watch').catch((error: unknown) => this.#refused(error));
      if (this.#ended.size === 0 || this.#closing) return;
      this.#lookMs = Math.min(lastLookMs, this.#lookMs * 2);
      this.#lookLater();
    };
    this.#timer = clock.after(this.#lookMs, () => void look(), { ref: false });
  }

  /** Forgets those that have left nobody. */
  async #look(how: 'watch' | 'kill'): Promise<void> {
    const asked = new Map(this.#ended);
    if (asked.size === 0) return;
    const found = await carriersOf((marker) => asked.has(marker));
    const carried = new Set(found.map(({ marker }) => marker));
    const late = new Set<string>();
    for (const [marker, entry] of asked) {
      entry.looks += 1;
      if (!carried.has(marker)) this.#forget(marker);
      else if (how === 'kill' || entry.looks >= looksBeforeKill) late.add(marker);
    }
    if (late.size > 0) await killCarriers((marker) => late.has(marker));
  }

  #forget(marker: string): void {
    this.#ended.delete(marker);
    this.#then(() => removeEntries(this.#folder, [spawnName(marker)]));
  }

  #then(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(write).catch((error: unknown) => this.#refused(error));
  }

  /** Once: a disk that is full stays full for a while. */
  #refused(error: unknown): void {
    if (this.#disk === 'refused') return;
    this.#disk = 'refused';
    const harm = 'what a kill -9 of this gateway left behind might not be found at the next start';
    this.#options.log.warn({ error }, `the journal cannot be kept: ${messageOf(error)}; ${harm}`);
  }

  #now(): string {
    return new Date(this.#options.clock.wallTime()).toISOString();
  }
}
