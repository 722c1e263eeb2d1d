// Whether an engine that is ready still works. Its live traffic tells: some failures in a row make it suspect, and it is
// asked for something real. When nobody uses it, it is asked whether it is there, now and then. A busy engine is never
// asked: it may do one thing at a time.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { LeaseEnd } from './lease.ts';

/** `alive`: whether it answers. `works`: whether it does what it is for. */
export type CheckDepth = 'alive' | 'works';

export type CheckVerdict = { readonly state: 'well' } | { readonly state: 'unfit'; readonly why: string };

export interface WatchOptions {
  readonly clock: Clock;
  /** Undefined where nobody can ask. */
  readonly check: ((depth: CheckDepth) => Promise<CheckVerdict>) | undefined;
  readonly inUse: () => boolean;
  readonly onUnfit: (why: string) => void;
}

const failuresMax = 3;
const idleEveryMs = 60_000;
/** After a bad look at an idle engine the next ones come sooner. */
const againMs = 1000;

export class EngineWatch {
  readonly #options: WatchOptions;
  #timer: Timer | undefined;
  /** Of calls, and of looks while it was idle, in a row. */
  #failures = 0;
  #missed = 0;
  #state: 'watching' | 'looking' | 'over' = 'watching';

  constructor(options: WatchOptions) {
    this.#options = options;
    if (options.check) this.#arm(idleEveryMs);
  }

  /** A call has ended. */
  ended(end: LeaseEnd): void {
    if (end === 'cancelled') return;
    this.#missed = 0;
    this.#failures = end === 'failed' ? this.#failures + 1 : 0;
    if (this.#failures >= failuresMax) void this.#suspect();
    else if (this.#state === 'watching' && this.#options.check) this.#arm(idleEveryMs);
  }

  stop(): void {
    this.#state = 'over';
    this.#timer?.cancel();
  }

  /** One that has failed so often and cannot be asked is taken at its word. */
  async #suspect(): Promise<void> {
    const { check, onUnfit } = this.#options;
    const count = `${this.#failures} calls in a row failed`;
    this.#failures = 0;
    if (!check) return;
    const verdict = await this.#look(check, 'works');
    if (verdict?.state === 'unfit') onUnfit(`${count}, and when asked for something small: ${verdict.why}`);
  }

  async #idleLook(): Promise<void> {
    const { check, inUse, onUnfit } = this.#options;
    if (!check) return;
    if (inUse()) return this.#arm(idleEveryMs);
    const verdict = await this.#look(check, 'alive');
    if (verdict?.state !== 'unfit') {
      this.#missed = 0;
      return;
    }
    this.#missed += 1;
    if (this.#missed >= failuresMax) return onUnfit(`asked ${this.#missed} times: ${verdict.why}`);
    this.#arm(againMs);
  }

  /** Undefined when a look is under way already, or it is over. */
  async #look(
    check: (depth: CheckDepth) => Promise<CheckVerdict>,
    depth: CheckDepth,
  ): Promise<CheckVerdict | undefined> {
    if (this.#state !== 'watching') return undefined;
    this.#state = 'looking';
    this.#timer?.cancel();
    const verdict = await check(depth);
    if (this.#over) return undefined;
    this.#state = 'watching';
    this.#arm(idleEveryMs);
    return verdict;
  }

  get #over(): boolean {
    return this.#state === 'over';
  }

  #arm(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(ms, () => void this.#idleLook(), { ref: false });
  }
}
