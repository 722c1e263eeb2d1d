// Time that moves only when it is told to: whole servers run in it, and a test waits for nothing.
import { type Clock, systemClock, type Timer, turn } from '../lifecycle/clock.ts';

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  readonly #scheduled = new Set<Scheduled>();
  #nowMs = 0;
  #order = 0;

  now(): number {
    return this.#nowMs;
  }

  wallTime(): number {
    return 1_767_225_600_000 + this.#nowMs;
  }

  after(ms: number, callback: () => void): Timer {
    const entry: Scheduled = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, callback };
    this.#scheduled.add(entry);
    return { cancel: () => this.#scheduled.delete(entry) };
  }

  soon(callback: () => void): Timer {
    return this.after(0, callback);
  }

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#scheduled.size;
  }

  /**
   * Moves time on by `ms`, running what falls due in order. After each, a real turn of the loop lets every promise
   * settle, however long the chain.
   */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await turn(systemClock);
    for (let next = this.#due(untilMs); next; next = this.#due(untilMs)) {
      this.#scheduled.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await turn(systemClock);
    }
    this.#nowMs = untilMs;
  }

  /** Moves time on without running anything: as if something had held the loop. */
  hold(ms: number): void {
    this.#nowMs += ms;
  }

  #due(untilMs: number): Scheduled | undefined {
    let first: Scheduled | undefined;
    for (const entry of this.#scheduled) {
      if (entry.atMs > untilMs) continue;
      if (!first || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order))
        first = entry;
    }
    return first;
  }
}
