// Takes away what a take has on the disk, and keeps its number, which no later take of the session is to have. Blocks, and
// is for the recordings' thread alone.
import { join } from 'node:path';
import { foldersIn, isFolder, removeTake, whyOf } from './folders.ts';
import { type TakeName, takeFolder, takeId, takeName } from './names.ts';
import { brokenWhy } from './take-look.ts';
import type { TakeNumbers } from './take-numbers.ts';

export class TakeRemoval {
  readonly #root: string;
  readonly #numbers: TakeNumbers;
  readonly #onNotice: (message: string) => void;

  constructor(root: string, numbers: TakeNumbers, onNotice: (message: string) => void) {
    this.#root = root;
    this.#numbers = numbers;
    this.#onNotice = onNotice;
  }

  /** Throws what the disk says. */
  drop(take: TakeName): void {
    const kept = this.#kept(take);
    const folder = takeFolder(this.#root, take);
    // Nothing is reached through a link.
    if (isFolder(join(this.#root, take.session)) && isFolder(folder)) removeTake(folder);
    // A disk that was full has room now.
    if (kept !== 'kept' && this.#kept(take) !== 'kept')
      this.#onNotice(`that recording ${takeId(take)} has been cannot be written down: ${whyOf(kept)}`);
  }

  /** Takes that nobody can read: what has our names in them goes, but for what is somebody else's. Returns how many. */
  dropBroken(session: string): number {
    const names = foldersIn(join(this.#root, session))
      .flatMap((take) => takeName(session, take) ?? [])
      .filter((name) => brokenWhy(this.#root, name) !== undefined);
    for (const name of names) {
      this.#kept(name);
      removeTake(takeFolder(this.#root, name));
    }
    return names.length;
  }

  /** What keeps its number from being kept, when something does. */
  #kept(take: TakeName): unknown {
    try {
      this.#numbers.keep(take);
      return 'kept';
    } catch (thrown) {
      return thrown;
    }
  }
}
