// Engines that exclude each other: one of a group is loaded at a time. Who needs another one waits until the calls of
// the one that is loaded have ended; then it is unloaded, its memory comes back, and the other starts. A caller who
// comes for the first one meanwhile waits in its line, so each swap serves everybody who waits.
import type { Clock } from '../lifecycle/clock.ts';
import { delay } from '../lifecycle/clock.ts';

export interface GroupMember {
  readonly name: string;
  /** Wakes it. */
  wake(): void;
  /** Whether somebody still wants it. */
  wanted(): boolean;
  /** Whether it holds nothing: no process, no thread, no wish to start again by itself. */
  resting(): boolean;
  /** Resolves when it does not load: it is ready, and who waited for it was let in, or it is not. */
  settled(signal: AbortSignal): Promise<void>;
  /** Lets no call begin, and waits until those under way have ended, for so long. */
  vacate(ms: number): Promise<'empty' | 'late'>;
  /** Takes calls again, as far as it is loaded. */
  reopen(): void;
  /** Resolves when it is gone. */
  unload(): Promise<void>;
}

/** Who decides when an engine that is needed starts. */
export interface EngineTurns {
  /** A member is needed: it is woken now, or when its turn has come. */
  need(member: GroupMember): void;
}

export interface GroupOptions {
  readonly clock: Clock;
  /** Bytes that a process could get now; null where nobody knows. */
  readonly availableBytes: () => Promise<number | null>;
  readonly note: (message: string) => void;
  /** Closes when the engines do. */
  readonly signal: AbortSignal;
}

/** While calls go on: whether the other engine is still wanted. */
const lookEveryMs = 500;
/** Memory comes back some time after its process has gone. */
const settleMs = 5000;
const settleEveryMs = 100;
/** Of what was given back, in two looks in a row, less than this: it has settled. */
const settledBytes = 16 * 1024 * 1024;

export class EngineGroup implements EngineTurns {
  readonly #options: GroupOptions;
  readonly #line: GroupMember[] = [];
  #holder: GroupMember | undefined;
  #state: 'still' | 'swapping' = 'still';

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  need(member: GroupMember): void {
    if (this.#state === 'still' && (member === this.#holder || (this.#holder?.resting() ?? true))) {
      this.#holder = member;
      return member.wake();
    }
    if (!this.#line.includes(member)) this.#line.push(member);
    void this.#serve();
  }

  /** One swap after the other, until nobody waits. */
  async #serve(): Promise<void> {
    if (this.#state === 'swapping') return;
    this.#state = 'swapping';
    for (let next = this.#line[0]; next && !this.#options.signal.aborted; next = this.#line[0]) {
      const room = next === this.#holder || (await this.#makeRoom(next));
      this.#line.shift();
      if (!room) continue;
      this.#holder = next;
      next.wake();
    }
    this.#state = 'still';
  }

  /** False when it is not wanted any more by the time there is room. */
  async #makeRoom(next: GroupMember): Promise<boolean> {
    const { signal, note, clock } = this.#options;
    const holder = this.#holder;
    const began = clock.now();
    // A load under way is somebody's too: it is used before it is given up.
    if (holder?.wanted()) await holder.settled(signal);
    if (!holder || holder.resting()) return next.wanted();
    if (!(await this.#vacated(holder, next))) {
      holder.reopen();
      return false;
    }
    const before = await this.#options.availableBytes();
    await holder.unload();
    holder.reopen();
    await this.#settle(before);
    const ms = Math.round(clock.now() - began);
    note(`engine ${holder.name} made room for engine ${next.name} in ${ms} ms`);
    return !signal.aborted && next.wanted();
  }

  async #vacated(holder: GroupMember, next: GroupMember): Promise<boolean> {
    while (next.wanted() && !this.#options.signal.aborted)
      if ((await holder.vacate(lookEveryMs)) === 'empty') return next.wanted();
    return false;
  }

  /** Waits until what is available does not grow any more. */
  async #settle(before: number | null): Promise<void> {
    if (before === null) return;
    const { clock, signal, availableBytes } = this.#options;
    const untilMs = clock.now() + settleMs;
    let last = before;
    while (clock.now() < untilMs && !signal.aborted) {
      const now = (await availableBytes()) ?? last;
      if (now - last < settledBytes) return;
      last = now;
      await delay(clock, settleEveryMs, signal);
    }
  }
}
