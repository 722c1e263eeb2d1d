// Takes that have ended are made to outlast the machine: files, then the folders that name them. An fsync takes what the
// disk takes, tens of ms where it is busy: of very many takes that end together, as when a gateway leaves, some wait, so
// that those who record and whoever waits for the end do not. Blocks, and is for the recordings' thread alone.
import { dirname, join } from 'node:path';
import type { TakeFacts } from './facts.ts';
import { errnoOf, syncFolder, whyOf } from './folders.ts';
import { fileNames } from './names.ts';
import { OwnFile } from './own-file.ts';

export interface DurableOptions {
  /** Ms of any clock. */
  readonly now: () => number;
  readonly onNotice: (message: string) => void;
}

/** Of one go. */
const budgetMs = 300;

export class Durable {
  readonly #options: DurableOptions;
  /** Paths, in their order: those of a take before the folders that name it. */
  readonly #waiting = new Map<string, 'file' | 'folder'>();
  #spentMs = 0;

  constructor(options: DurableOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** A take, in its folder: at once, where this go has time left. */
  add(folder: string, { caller, callerMore, assistant }: TakeFacts): void {
    const sounds = [caller, ...callerMore, assistant].map(({ file }) => file);
    for (const name of [...sounds, fileNames.events, fileNames.metadata])
      this.#waiting.set(join(folder, name), 'file');
    for (const path of [folder, dirname(folder), dirname(dirname(folder))]) {
      // After the files of all that wait.
      this.#waiting.delete(path);
      this.#waiting.set(path, 'folder');
    }
    this.#work();
  }

  /** Another go. */
  go(): void {
    this.#spentMs = 0;
    this.#work();
  }

  #work(): void {
    const { now, onNotice } = this.#options;
    for (const [path, kind] of this.#waiting) {
      // Looked at before each: a single one may take long.
      if (this.#spentMs >= budgetMs) return;
      const beganMs = now();
      this.#waiting.delete(path);
      try {
        if (kind === 'file') syncFile(path);
        else syncFolder(path);
      } catch (thrown) {
        // Somebody has removed it.
        if (errnoOf(thrown) !== 'ENOENT') onNotice(`${path} may not outlast the machine: ${whyOf(thrown)}`);
      }
      this.#spentMs += Math.abs(now() - beganMs);
    }
  }
}

function syncFile(path: string): void {
  const file = OwnFile.open(path);
  try {
    file.sync();
  } finally {
    file.close();
  }
}
