// A point in time that a piece of work must not outlive. Passed down, never extended: a child is never longer than
// its parent. Owns at most one timer, and only while somebody waits.
import type { Clock, Timer } from './clock.ts';

export type Waited<T> =
  | { readonly state: 'done'; readonly value: T }
  | { readonly state: 'failed'; readonly error: unknown }
  | { readonly state: 'expired' };

export class Deadline {
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();
  #atMs: number;
  #timer: Timer | undefined;
  #leaveParent: (() => void) | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#atMs = clock.now() + Math.max(0, ms);
  }

  /** A deadline `ms` from now, or this one's if that is sooner; expiring this one expires the child. */
  child(ms: number): Deadline {
    const child = new Deadline(this.#clock, Math.min(ms, this.remainingMs()));
    child.#leaveParent = this.onExpire(() => child.expire());
    return child;
  }

  remainingMs(): number {
    return Math.max(0, this.#atMs - this.#clock.now());
  }

  get expired(): boolean {
    return this.remainingMs() === 0;
  }

  /** Calls back once when time is up. Returns its undo. */
  onExpire(callback: () => void): () => void {
    const waiter = () => callback();
    this.#waiters.add(waiter);
    this.#arm();
    return () => {
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#disarm();
    };
  }

  /** Time is up now, for this one and its children. Never moves a deadline later. */
  expire(): void {
    this.#atMs = Math.min(this.#atMs, this.#clock.now());
    this.#fire();
  }

  /** No longer needed: forgets its waiters and leaves its parent, so that a long-lived parent does not grow. */
  dispose(): void {
    this.#waiters.clear();
    this.#disarm();
    this.#leaveParent?.();
    this.#leaveParent = undefined;
  }

  /**
   * Waits for `work` or for the deadline, whichever is first; never rejects. Work that is past its deadline but
   * settles within a turn of the loop still counts as done, so that an expired deadline fails only what hangs.
   */
  wait<T>(work: Promise<T>): Promise<Waited<T>> {
    return new Promise((resolve) => {
      const forget = this.onExpire(() => {
        this.#clock.soon(() => resolve({ state: 'expired' }));
      });
      work.then(
        (value) => {
          forget();
          resolve({ state: 'done', value });
        },
        (error: unknown) => {
          forget();
          resolve({ state: 'failed', error });
        },
      );
    });
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(this.remainingMs(), () => {
      this.#timer = undefined;
      this.#fire();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #fire(): void {
    this.#disarm();
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter();
  }
}
