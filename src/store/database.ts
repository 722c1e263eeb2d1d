// The database as the store's thread has it: open once the disk allows it, set aside and begun anew when it is damaged.
// Synchronous throughout: the thread has nothing else to do.
//
//     closed ──open──▶ opened ──made sound and new──▶ ready;   damaged: set aside, and from the beginning
import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../lifecycle/errors.ts';
import {
  checkSound,
  inTransaction,
  isDamaged,
  migrate,
  openFile,
  setAside,
  wasInUse,
} from './database-file.ts';
import type { Query } from './protocol.ts';
import { sqliteTrouble } from './sqlite-codes.ts';
import { Statements } from './statements.ts';
import type { Write } from './store.ts';
import type { Sent } from './write-queue.ts';

export interface DatabaseOptions {
  readonly path: string;
  /** Of this gateway. */
  readonly run: string;
  readonly wallTime: () => number;
  /** For the log. */
  readonly onNotice: (message: string) => void;
}

type State =
  | { readonly word: 'closed' }
  | { readonly word: 'opened'; readonly connection: DatabaseSync; readonly inUse: boolean }
  | { readonly word: 'ready'; readonly connection: DatabaseSync; readonly statements: Statements };

export class Database {
  readonly #options: DatabaseOptions;
  #state: State = { word: 'closed' };

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** Quick; whatever takes its time comes with the first use. Throws `store_unusable`; a full disk is no failure yet. */
  open(): void {
    try {
      this.#sound(() => this.#opened());
    } catch (thrown) {
      if (sqliteTrouble(thrown) !== 'passing') throw thrown;
    }
  }

  /** Nothing of it is there when the answer is `later`. */
  write(batch: readonly Write[]): Sent {
    try {
      return this.#sound(() => this.#write(batch));
    } catch (thrown) {
      // Not even a rollback was possible: a connection of its own for the next attempt.
      if (this.#state.word !== 'closed' && this.#state.connection.isTransaction) this.#abandon();
      return { state: 'later', why: messageOf(thrown) };
    }
  }

  read(query: Query): readonly unknown[] {
    return this.#sound(() => this.#ready().statements.read(query));
  }

  close(): void {
    if (this.#state.word !== 'closed') this.#state.connection.close();
    this.#state = { word: 'closed' };
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

  #opened(): Extract<State, { word: 'opened' | 'ready' }> {
    if (this.#state.word !== 'closed') return this.#state;
    const { path } = this.#options;
    const inUse = wasInUse(path);
    this.#state = { word: 'opened', connection: openFile(path), inUse };
    return this.#state;
  }

  #ready(): Extract<State, { word: 'ready' }> {
    const { run, wallTime } = this.#options;
    const state = this.#opened();
    if (state.word === 'ready') return state;
    const { connection, inUse } = state;
    // It takes its time with a large one: only where there is a reason for doubt.
    if (inUse) checkSound(connection);
    migrate(connection);
    const statements = new Statements(connection, run);
    inTransaction(connection, () => statements.markUnclean(wallTime()));
    this.#state = { word: 'ready', connection, statements };
    return this.#state;
  }

  /** What has failed may refuse even to be closed in order. */
  #abandon(): void {
    try {
      this.close();
    } catch (thrown) {
      this.#options.onNotice(
        `the database ${this.#options.path} did not close in order: ${messageOf(thrown)}`,
      );
      this.#state = { word: 'closed' };
    }
  }
}
