// The database as the store's thread has it: open once the disk allows it, set aside and begun anew when it is damaged,
// and when it is taken away under us. Synchronous throughout: the thread has nothing else to do.
//
//     closed ──open──▶ opened ──made sound and new──▶ ready;   damaged, removed, replaced: from the beginning
import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../lifecycle/errors.ts';
import { ArchiveReading } from './archive-reading.ts';
import { type Carried, readGoing, writeGoing } from './carry-over.ts';
import {
  checkSound,
  inTransaction,
  isDamaged,
  isNewest,
  migrate,
  type OpenedFile,
  openFile,
  setAside,
  unusable,
} from './database-file.ts';
import type { FilesFound, OpenFiles } from './open-files.ts';
import { isArchive, type Query } from './protocol.ts';
import { type Pruned, Pruning, type Retention } from './pruning.ts';
import { emptyWal, type RemovedSome, removeSome } from './removal.ts';
import { sqliteTrouble } from './sqlite-codes.ts';
import { Statements } from './statements.ts';
import type { Write } from './store.ts';
import type { Sent } from './write-queue.ts';

export interface DatabaseOptions {
  readonly path: string;
  /** Of this gateway. */
  readonly run: string;
  readonly retention: Retention;
  readonly wallTime: () => number;
  /** For the log. */
  readonly onNotice: (message: string) => void;
}

interface Ready {
  readonly word: 'ready';
  readonly connection: DatabaseSync;
  readonly files: OpenFiles;
  readonly statements: Statements;
  readonly archive: ArchiveReading;
  readonly pruning: Pruning;
}

type State = { readonly word: 'closed' } | ({ readonly word: 'opened' } & OpenedFile) | Ready;

export class Database {
  readonly #options: DatabaseOptions;
  #state: State = { word: 'closed' };
  /** From a database that was taken away, for the next one. */
  #carried: Carried | undefined;
  #wal: 'as it is' | 'to be emptied' | 'held' = 'as it is';

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** Quick; whatever takes its time comes with the first use. Throws `store_unusable`; a full disk is no failure yet. */
  open(): void {
    try {
      this.#sound(() => {
        const { connection } = this.#opened();
        if (isNewest(connection)) this.#prepare(connection);
      });
    } catch (thrown) {
      if (sqliteTrouble(thrown) !== 'passing') throw thrown;
    }
  }

  /** Nothing of it is there when the answer is `later`. */
  write(batch: readonly Write[]): Sent {
    try {
      const sent = this.#sound(() => this.#write(batch));
      this.#emptyWal();
      return sent;
    } catch (thrown) {
      // Not even a rollback was possible: a connection of its own for the next attempt.
      if (this.#state.word !== 'closed' && this.#state.connection.isTransaction) this.#abandon();
      return { state: 'later', why: messageOf(thrown) };
    }
  }

  read(query: Query): readonly unknown[] {
    return this.#sound(() => {
      const { statements, archive } = this.#ready();
      return isArchive(query) ? archive.read(query) : statements.read(query);
    });
  }

  /** A little of what was kept of it; to be called again while there is more. Throws what the disk says. */
  remove(sessionId: string): RemovedSome {
    const removed = this.#sound(() => removeSome(this.#ready().connection, sessionId));
    if (removed.state === 'more') return removed;
    if (this.#wal === 'as it is') this.#wal = 'to be emptied';
    this.#emptyWal();
    return removed;
  }

  /** Removes a little of what is too old or too much. Throws what the disk says. */
  prune(): Pruned {
    this.#emptyWal();
    return this.#sound(() => this.#ready().pruning.step(this.#options.wallTime()));
  }

  close(): void {
    this.#look();
    if (this.#state.word !== 'closed') this.#state.connection.close();
    this.#state = { word: 'closed' };
  }

  /** What was removed is in it still, as long as another program reads what was there before. */
  #emptyWal(): void {
    if (this.#wal === 'as it is' || this.#state.word !== 'ready') return;
    const { connection } = this.#state;
    const before = this.#wal;
    this.#wal = this.#trying('empty the WAL of', () => emptyWal(connection)) ?? 'held';
    if (this.#wal === 'held' && before !== 'held')
      this.#options.onNotice(
        `what was removed is in ${this.#options.path}-wal still, since another program reads from the database: it goes when that one has ended`,
      );
  }

  #write(batch: readonly Write[]): Sent {
    const { connection, statements } = this.#ready();
    let refused = 0;
    let why: string | null = null;
    inTransaction(connection, () => {
      for (const write of batch) {
        try {
          statements.write(write);
        } catch (thrown) {
          // One row that can never be written must not keep the others from it.
          const trouble = sqliteTrouble(thrown);
          if (trouble === 'damaged' || trouble === 'passing') throw thrown;
          refused += 1;
          why ??= `${write.type}: ${messageOf(thrown)}`;
        }
      }
    });
    return { state: 'written', refused, why };
  }

  /** Once more, with a new database, if this one is damaged. */
  #sound<T>(work: () => T): T {
    this.#look();
    try {
      return work();
    } catch (thrown) {
      if (!isDamaged(thrown)) throw thrown;
      const { path, wallTime, onNotice } = this.#options;
      this.#abandon();
      const aside = setAside(path, wallTime());
      onNotice(
        `the database ${path} is damaged (${messageOf(thrown)}): it is ${aside} now, and a new one begins`,
      );
      return work();
    }
  }

  #opened(): Exclude<State, { word: 'closed' }> {
    if (this.#state.word !== 'closed') return this.#state;
    this.#state = { word: 'opened', ...openFile(this.#options.path) };
    return this.#state;
  }

  #ready(): Ready {
    const { wallTime } = this.#options;
    const state = this.#opened();
    if (state.word === 'ready') return state;
    const { connection, inUse, files } = state;
    // It takes its time with a large one: only where there is a reason for doubt.
    if (inUse) checkSound(connection);
    migrate(connection);
    const prepared = this.#prepare(connection);
    inTransaction(connection, () => {
      prepared.statements.markUnclean(wallTime());
      if (this.#carried) writeGoing(connection, this.#carried);
    });
    this.#carried = undefined;
    files.inUse();
    this.#state = { word: 'ready', connection, files, ...prepared };
    return this.#state;
  }

  /** Throws `store_unusable` when somebody has changed its tables. */
  #prepare(connection: DatabaseSync): Pick<Ready, 'statements' | 'archive' | 'pruning'> {
    const { path, run, retention } = this.#options;
    try {
      return {
        statements: new Statements(connection, run),
        archive: new ArchiveReading(connection),
        pruning: new Pruning(connection, retention),
      };
    } catch (thrown) {
      if (sqliteTrouble(thrown) !== 'row') throw thrown;
      throw unusable(path, `its tables are not as greenroom made them (${messageOf(thrown)})`, thrown);
    }
  }

  /** Whether what is open is what the path leads to; if not, it is let go, and what goes on is kept for the next one. */
  #look(): void {
    const state = this.#state;
    if (state.word === 'closed') return;
    const found = state.files.look();
    if (found === 'same') return;
    const { path, run, wallTime, onNotice } = this.#options;
    // Both by what SQLite has open: one that was only moved is whole then.
    if (state.word === 'ready' && found !== 'companion') {
      this.#carried = this.#trying('read what goes on in', () => readGoing(state.connection, run));
      this.#trying('write the WAL into', () => state.connection.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
    }
    this.#abandon();
    const kept = found === 'companion' ? undefined : state.files.removeCompanions(wallTime());
    const wal = kept === undefined ? '' : ` (what had not got into it is in ${kept})`;
    onNotice(`${takenAway(path, found)}${wal}`);
  }

  #trying<T>(what: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (thrown) {
      this.#options.onNotice(`cannot ${what} the database: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  /** What has failed may refuse even to be closed in order. */
  #abandon(): void {
    try {
      if (this.#state.word !== 'closed') this.#state.connection.close();
    } catch (thrown) {
      this.#options.onNotice(
        `the database ${this.#options.path} did not close in order: ${messageOf(thrown)}`,
      );
    }
    this.#state = { word: 'closed' };
  }
}

function takenAway(path: string, found: Exclude<FilesFound, 'same'>): string {
  if (found === 'companion')
    return `a file beside the database ${path} was removed or replaced while it was in use: it is opened again, with everything in it; stop the gateway before you touch them`;
  const next = 'what was in it is not known here any more; sessions that are open go on in the next one';
  return found === 'removed'
    ? `the database ${path} was removed or moved away while it was in use: ${next}, which begins now; stop the gateway before you move it`
    : `the database ${path} was replaced while it was in use: ${next}, which is the one that is there now; stop the gateway before you replace it`;
}
