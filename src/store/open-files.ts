// Which files a database has open, by their inodes: what is removed or replaced under SQLite it goes on writing to, where
// nobody will ever find it. An inode that is open is given to no other file.
import { type BigIntStats, renameSync, rmSync, statSync } from 'node:fs';

/** `companion`: its WAL or the index of that; what was in it is known to SQLite still. */
export type FilesFound = 'same' | 'removed' | 'replaced' | 'companion';

/** What SQLite keeps beside it while it is in use. */
const companionEnds = ['-wal', '-shm'] as const;

export class OpenFiles {
  readonly #path: string;
  readonly #real: string;
  readonly #main: string | undefined;
  #companions: readonly (string | undefined)[] = [];

  /** @param real the path without symbolic links */
  constructor(path: string, real: string) {
    this.#path = path;
    this.#real = real;
    this.#main = inodeOf(path);
  }

  /** From here on its companions are looked at too. */
  inUse(): void {
    this.#companions = this.#companionsNow();
  }

  look(): FilesFound {
    try {
      const main = inodeOf(this.#path);
      if (main !== this.#main) return main === undefined ? 'removed' : 'replaced';
      if (this.#companions.length === 0) return 'same';
      const now = this.#companionsNow();
      return this.#companions.every((inode, index) => inode === now[index]) ? 'same' : 'companion';
    } catch {
      // The folder is not ours to look into any more: what is open is open still.
      return 'same';
    }
  }

  /**
   * Takes away what is left of a database that is no longer there: its WAL would be read into the next one. One that
   * still has something in it gets another name.
   *
   * @returns that name
   */
  removeCompanions(atMs: number): string | undefined {
    const now = this.#companionsNow();
    let kept: string | undefined;
    for (const [index, end] of companionEnds.entries()) {
      if (now[index] === undefined || now[index] !== this.#companions[index]) continue;
      const path = this.#real + end;
      if (end === '-wal' && statSync(path).size > 0) {
        kept = `${path}-of-before-${new Date(atMs).toISOString().replace(/[:.]/g, '-')}`;
        renameSync(path, kept);
      } else rmSync(path);
    }
    return kept;
  }

  #companionsNow(): readonly (string | undefined)[] {
    return companionEnds.map((end) => inodeOf(this.#real + end));
  }
}

/** Undefined when there is nothing. */
function inodeOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true }) as BigIntStats | undefined;
  return stats && `${stats.dev}:${stats.ino}`;
}
