// A point in time that a piece of work must not outlive. Passed down, only ever moved earlier: a child, and whoever
// follows it, is never longer than it is. Owns at most one timer, and only while somebody waits.
import type { Clock, Timer } from './clock.ts';

export type Waited<T> =
  | { readonly state: 'done'; readonly value: T }
  | { readonly state: 'failed'; readonly error: unknown }
  | { readonly state: 'expired' };

export class Deadline {
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();
  readonly #leaders = new Set<Deadline>();
  readonly #followers = new Set<Deadline>();
  #atMs: number;
  #timer: Timer | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#atMs = clock.now() + Math.max(0, ms);
  }

  /** A deadline `ms` from now, or this one's if that is sooner. Dispose of it when its work has ended. */
  child(ms: number): Deadline {
    const child = new Deadline(this.#clock, ms);
    child.follow(this);
    return child;
  }

  /** From now on it is no later than `leader` either, which may be moved earlier. */
  follow(leader: Deadline): void {
    this.#leaders.add(leader);
    leader.#followers.add(this);
    this.#moveTo(leader.#atMs);
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

  /** At most `ms` are left from now on, for this one and its followers. Never moves it later. */
  shorten(ms: number): void {
    this.#moveTo(this.#clock.now() + Math.max(0, ms));
  }

  /** Time is up now: its own waiters are told at once, those of its followers in the next turn. */
  expire(): void {
    this.shorten(0);
    this.#disarm();
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter();
  }

  /** No longer needed: forgets its waiters and leaves whom it follows, so that a long-lived parent does not grow. */
  dispose(): void {
    this.#waiters.clear();
    this.#disarm();
    for (const leader of this.#leaders) leader.#followers.delete(this);
    this.#leaders.clear();
  }

  /**
   * Waits for `work` or for the deadline, whichever is first; never rejects. Work that is past its deadline but
   * settles within a turn of the loop still counts as done, so that an expired deadline fails only what hangs.
   */
  wait<T>(work: Promise<T>): Promise<Waited<T>> {
    return new Promise((resolve) => {
      let lastTurn: Timer | undefined;
      const forget = this.onExpire(() => {
        lastTurn = this.#clock.soon(() => resolve({ state: 'expired' }));
      });
      const settle = (waited: Waited<T>) => {
        forget();
        lastTurn?.cancel();
        resolve(waited);
      };
      work.then(
        (value) => settle({ state: 'done', value }),
        (error: unknown) => settle({ state: 'failed', error }),
      );
    });
  }

  #moveTo(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#atMs = atMs;
    for (const follower of this.#followers) follower.#moveTo(atMs);
    if (!this.#timer) return;
    this.#disarm();
    this.#arm();
  }

  #arm(): void {
    const expire = () => this.expire();
    // What is over takes a turn, not a timer: many that hang in a row would each cost a millisecond.
    this.#timer ??= this.expired ? this.#clock.soon(expire) : this.#clock.after(this.remainingMs(), expire);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
