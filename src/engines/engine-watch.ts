// Whether an engine that is ready still works. Its live traffic tells: some failures in a row make it suspect, and it is
// asked for something real. When nobody uses it, it is asked whether it is there, now and then. A busy engine, which may
// do one thing at a time, is asked for nothing but whether it is there, until it has been silent for its stall limit.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { EngineLobby } from './engine-lobby.ts';
import type { EngineInstance } from './instance.ts';
import type { LeaseEnd } from './lease.ts';

/** `alive`: whether it answers. `works`: whether it does what it is for. */
export type CheckDepth = 'alive' | 'works';

export type CheckVerdict = { readonly state: 'well' } | { readonly state: 'unfit'; readonly why: string };

export interface WatchOptions {
  readonly clock: Clock;
  /** Undefined where nobody can ask. */
  readonly check: ((depth: CheckDepth) => Promise<CheckVerdict>) | undefined;
  readonly inUse: () => boolean;
  /** Nobody was given anything for its stall limit. */
  readonly isQuiet: () => boolean;
  readonly onUnfit: (why: string) => void;
}

const askedFor = { alive: 'whether it is there', works: 'for something small' } as const;
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
    // Who leaves has lost patience, with an engine that gives nobody anything.
    const failed = end === 'failed' || (end === 'cancelled' && this.#options.isQuiet());
    if (end === 'cancelled' && !failed) return;
    this.#missed = 0;
    this.#failures = failed ? this.#failures + 1 : 0;
    if (this.#failures >= failuresMax) void this.#suspect();
    else if (this.#state === 'watching' && this.#options.check) this.#arm(idleEveryMs);
  }

  stop(): void {
    this.#state = 'over';
    this.#timer?.cancel();
  }

  async #suspect(): Promise<void> {
    const { check, inUse, isQuiet, onUnfit } = this.#options;
    if (!check) return;
    const count = `${this.#failures} calls in a row failed`;
    const busy = () => inUse() && !isQuiet();
    const depth = busy() ? 'alive' : 'works';
    // Of one that is busy nothing is known yet: the next failure asks again.
    this.#failures = depth === 'works' ? 0 : failuresMax - 1;
    const verdict = await this.#look(check, depth);
    if (verdict?.state !== 'unfit') return;
    // Who has come meanwhile may be what it was busy with.
    if (depth === 'works' && busy()) this.#failures = failuresMax - 1;
    else onUnfit(`${count}, and when asked ${askedFor[depth]}: ${verdict.why}`);
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

/** Over what runs, as far as it can be asked. */
export function watchOver(
  instance: Pick<EngineInstance, 'check' | 'activeCalls'> | undefined,
  lobby: Pick<EngineLobby, 'leases' | 'quietMs'>,
  options: Pick<WatchOptions, 'clock' | 'onUnfit'> & { readonly stallMs: number },
): EngineWatch {
  const { stallMs, ...rest } = options;
  return new EngineWatch({
    ...rest,
    check: instance?.check && ((depth) => instance.check!(depth)),
    inUse: () => lobby.leases > 0 || (instance?.activeCalls ?? 0) > 0,
    isQuiet: () => lobby.quietMs >= stallMs,
  });
}
