// The data directory: made, kept private (0700), and owned by one gateway at a time (directory-lock.ts). Whoever opens
// it closes it, once everything that writes into it has stopped.
import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { formatAge } from '../config/units.ts';
import { lockName } from '../engines/host/data-names.ts';
import { ownIdentity, type ProcessIdentity } from '../engines/host/identity.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { version } from '../version.ts';
import { takeLock } from './directory-lock.ts';
import { lookInto } from './presence.ts';
import { type RunRecord, removeRunRecord, writeRunRecord } from './run-record.ts';

/** Throws `data_directory_locked` or `data_directory_unusable`. */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const directory = resolve(path);
  const notices = await makePrivate(directory);
  const lock = await lockOrTell(directory);
  try {
    return new DataDirectory(directory, notices, lock, await ownIdentity());
  } catch (thrown) {
    lock.close();
    throw thrown;
  }
}

export class DataDirectory implements AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** What had to be changed to make it private, for the log. */
  readonly notices: readonly string[];
  readonly #lock: DatabaseSync;
  readonly #identity: ProcessIdentity;
  readonly #startedAt = new Date().toISOString();
  #writing: Promise<void> = Promise.resolve();
  /** As it was written last. */
  #record: RunRecord | undefined;
  #closed: Promise<void> | undefined;

  /** @internal Use `openDataDirectory`. */
  constructor(path: string, notices: readonly string[], lock: DatabaseSync, identity: ProcessIdentity) {
    this.path = path;
    this.notices = notices;
    this.#lock = lock;
    this.#identity = identity;
  }

  /** Says to the other commands where this gateway is. Again when it listens elsewhere; the last one stands. */
  async writeRecord(url: string, whose: 'owned' | 'shared' = 'owned', eventsSocket?: string): Promise<void> {
    if (this.#closed) throw new GreenroomError('scope_closed', `the data directory ${this.path} is closed`);
    const own = { ...this.#identity, url, version, startedAt: this.#startedAt, process: whose };
    const record = eventsSocket === undefined ? own : { ...own, eventsSocket };
    await this.#write(record).catch((thrown: unknown) => {
      throw unusable(this.path, 'gateway.json cannot be written', thrown);
    });
  }

  /** Says that this gateway leaves, as far as the disk takes it. Nobody waits for it but the close. */
  tellLeaving(): void {
    if (this.#record && !this.#closed)
      this.#write({ ...this.#record, state: 'leaving' }).catch(() => undefined);
  }

  /** Removes the record if it is ours, then frees the lock. Every caller gets the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#release();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #write(record: RunRecord): Promise<void> {
    this.#record = record;
    const written = this.#writing.then(() => writeRunRecord(this.path, record));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #release(): Promise<void> {
    await this.#writing;
    try {
      await removeRunRecord(this.path, this.#identity);
    } finally {
      // Closing rolls the transaction back, which frees the lock.
      this.#lock.close();
    }
  }
}

async function makePrivate(directory: string): Promise<string[]> {
  try {
    await makeFolder(directory);
    const open = await opennessOf(directory);
    if (open === undefined) return [];
    if (open.refusal !== undefined)
      throw new GreenroomError('data_directory_unusable', open.refusal, { details: { directory } });
    await chmod(directory, 0o700);
    return [`${directory} was open to other users (${open.mode}); it is 0700 now`];
  } catch (thrown) {
    throw unusable(directory, 'it cannot be made', thrown);
  }
}

/** Undefined when it is private. `refusal`: why it is not made so. Throws when it cannot be read. */
export async function opennessOf(
  directory: string,
): Promise<{ readonly mode: string; readonly refusal: string | undefined } | undefined> {
  const { mode } = await stat(directory);
  if ((mode & 0o077) === 0 || process.platform === 'win32') return undefined;
  const shown = (mode & 0o7777).toString(8).padStart(4, '0');
  // `--data /tmp` must not shut everybody else out of /tmp: only an empty folder or one of ours is changed.
  const names = await readdir(directory);
  if (names.length === 0 || names.includes(lockName)) return { mode: shown, refusal: undefined };
  const message = `${directory} is open to other users (${shown}) and holds files that are not greenroom's`;
  const next = 'name a new folder with --data, or make it private with `chmod 700`';
  return { mode: shown, refusal: `${message}; ${next}` };
}

/** With the folders above it. Not by `recursive: true`, which never ends in a place such as /proc. */
async function makeFolder(path: string, parentMade = false): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (errno !== 'ENOENT' || parentMade) throw thrown;
    await makeFolder(dirname(path));
    await makeFolder(path, true);
  }
}

async function lockOrTell(directory: string): Promise<DatabaseSync> {
  const outcome = await takeLock(directory);
  if (outcome.state === 'taken') return outcome.lock;
  if (outcome.state === 'held') throw await lockedBy(directory);
  throw unusable(directory, outcome.what, outcome.error);
}

async function lockedBy(directory: string): Promise<GreenroomError> {
  const found = await lookInto(directory);
  const next = `stop it with \`${stopCommand(directory)}\`, or use another directory with \`--data\``;
  if (found.state !== 'running') {
    const pid = found.state === 'unrecorded' ? found.holder?.pid : undefined;
    const who = pid === undefined ? 'another gateway' : `another gateway (pid ${pid})`;
    const message = `${who} owns ${directory} and has not written its address yet; ${next}`;
    return new GreenroomError('data_directory_locked', message, { details: { directory, pid } });
  }
  const { pid, url, startedAt } = found.record;
  const ageMs = Math.max(0, Date.now() - Date.parse(startedAt));
  const message = `a gateway owns ${directory}: pid ${pid} at ${url}, for ${formatAge(ageMs)}; ${next}`;
  return new GreenroomError('data_directory_locked', message, {
    details: { directory, pid, url, startedAt, ageMs },
  });
}

/** As it is typed here. */
export function stopCommand(directory: string): string {
  return directory === resolve('.greenroom') ? 'greenroom stop' : `greenroom stop --data ${directory}`;
}

function unusable(directory: string, what: string, thrown: unknown): GreenroomError {
  if (thrown instanceof GreenroomError) return thrown;
  const errno = errnoOf(thrown);
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    EDQUOT: 'the quota of the disk is used up',
    EEXIST: 'there is a file of this name',
    ENOENT: 'nothing can be made there',
    ENOTDIR: 'a file stands in its path',
  };
  const reason = reasons[String(errno)] ?? messageOf(thrown);
  return new GreenroomError(
    'data_directory_unusable',
    `the data directory ${directory}: ${what}: ${reason}`,
    {
      cause: thrown,
      details: { directory, errno },
    },
  );
}

const errnoOf = (thrown: unknown): unknown =>
  thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
