// How old what a watcher has not got is, in fair time. Counts from the publication, or from when the watcher could first
// have had it, whichever is later. What the kernel took of a batch in part is as old as the batch; who was level once
// gets no younger by taking a part. What is given all the time need never be taken all: two marks tell what was taken.
import type { Clock } from '../lifecycle/clock.ts';
import type { FairClock } from './fair-clock.ts';
import type { StoredEvent } from './ring.ts';
import type { SlowLimits } from './slowness.ts';

interface Mark {
  readonly fairMs: number;
  readonly atMs: number;
}

export class Ages {
  readonly #clock: Clock;
  readonly #fair: FairClock;
  /** Of the oldest event that was given, and that the kernel has not taken; with what was given by then. */
  #pending: (Mark & { readonly endBytes: number }) | undefined;
  /** Of the oldest one that was given after those. */
  #next: Mark | undefined;
  #givenBytes = 0;
  #floorMs: number;
  /** While it catches up for the first time: the fewest events that it was behind. */
  #fewestBehind = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, fair: FairClock) {
    this.#clock = clock;
    this.#fair = fair;
    this.#floorMs = fair.now();
  }

  /** @param givenBytes that were ever given, with this one's */
  gave({ fairMs, atMs }: StoredEvent, givenBytes: number): void {
    if (this.#pending) this.#next ??= { fairMs, atMs };
    else this.#pending = { fairMs, atMs, endBytes: givenBytes };
    this.#givenBytes = givenBytes;
  }

  /**
   * So many bytes of all that was given the kernel has. Returns how long the oldest event took that was on its way, ms;
   * undefined when it still is, or none was.
   */
  landed(takenBytes: number): number | undefined {
    const pending = this.#pending;
    if (!pending || takenBytes < pending.endBytes) return undefined;
    const left = takenBytes < this.#givenBytes ? this.#next : undefined;
    this.#pending = left && { ...left, endBytes: this.#givenBytes };
    this.#next = undefined;
    return this.#clock.now() - pending.atMs;
  }

  /** Whether it was never level yet. */
  get catchingUp(): boolean {
    return this.#fewestBehind > 0;
  }

  /** It was level: from now on it is as old as what it has not got. */
  level(): void {
    this.#fewestBehind = 0;
  }

  /** Catching up is no slowness as long as it gets nearer than it ever was. */
  behind(events: number): 'nearer' | 'no nearer' {
    if (events >= this.#fewestBehind) return 'no nearer';
    this.#fewestBehind = events;
    this.excuse();
    return 'nearer';
  }

  /**
   * While it catches up for the first time it need not take something every 2 s: a kernel that holds 4 MB for it says
   * only after each third of them that there is room again.
   */
  limits(usual: SlowLimits): SlowLimits {
    const { silent } = usual;
    const patient = { warnMs: silent.actMs, actMs: silent.actMs };
    return this.catchingUp ? { unsent: patient, silent } : usual;
  }

  /** Nothing is older than now. */
  excuse(): void {
    this.#floorMs = this.#fair.now();
  }

  /** @param waitingFairMs of the oldest that was not given, if we wait for the watcher with it */
  unsentMs(waitingFairMs: number | undefined): number {
    const oldestMs = this.#pending?.fairMs ?? waitingFairMs;
    return oldestMs === undefined ? 0 : Math.max(0, this.#fair.now() - Math.max(oldestMs, this.#floorMs));
  }
}
