// What an engine was started with, so that one that has failed for good is tried again when its model is another: a
// caller's request is not an asking, a new file is.
import type { Clock } from '../lifecycle/clock.ts';

/** A look costs some calls to the file system; callers may come by the hundred. */
const everyMs = 1000;

export class ModelMemory {
  readonly #clock: Clock;
  readonly #key: () => Promise<string>;
  #started: Promise<string> | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** @param key of the configuration and the model's files as they are now */
  constructor(clock: Clock, key: () => Promise<string>) {
    this.#clock = clock;
    this.#key = key;
  }

  started(): void {
    this.#started = this.#key();
    this.#started.catch(() => undefined);
  }

  /** Whether its model is another than at its last start; false when somebody has just asked. */
  async changed(): Promise<boolean> {
    const nowMs = this.#clock.now();
    if (!this.#started || nowMs - this.#lookedMs < everyMs) return false;
    this.#lookedMs = nowMs;
    try {
      return (await this.#started) !== (await this.#key());
    } catch {
      // What cannot be looked at is taken for the same; the start that somebody asks for tells why.
      return false;
    }
  }
}
