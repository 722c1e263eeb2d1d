// One registered release: run exactly once, with a deadline of its own. A release may have two phases: `close`, which
// asks, and `destroy`, which runs when asking failed or took too long and must be immediate.
//
//     held ──end()──▶ releasing ──its work settles, in time or not──▶ released
import type { Clock } from './clock.ts';
import type { Deadline, Waited } from './deadline.ts';
import type { CloseReason } from './reasons.ts';
import type { Ending, Owned, TreeNode } from './report.ts';

export interface ReleaseContext {
  readonly reason: CloseReason;
  readonly deadline: Deadline;
}

export type ReleaseFunction = (context: ReleaseContext) => void | Promise<void>;

export type Release =
  | ReleaseFunction
  | { readonly close: ReleaseFunction; readonly destroy: (reason: CloseReason) => void };

export interface HoldingOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly release: Release;
  /** Default: all the time there is. */
  readonly graceMs: number | undefined;
}

/** Asking may take so much of the time; the rest is for what `destroy` sets going. */
const closeShare = 0.8;

export class Holding implements Owned {
  readonly path: string;
  readonly settled: Promise<void>;
  readonly #options: HoldingOptions;
  readonly #heldMs: number;
  readonly #settled = Promise.withResolvers<void>();
  readonly #ending = Promise.withResolvers<readonly Ending[]>();
  #state: 'held' | 'releasing' | 'released' = 'held';
  /** While its end is awaited. */
  #deadline: Deadline | undefined;

  constructor(options: HoldingOptions) {
    this.path = options.path;
    this.settled = this.#settled.promise;
    this.#options = options;
    this.#heldMs = options.clock.now();
  }

  get state(): 'held' | 'releasing' | 'released' {
    return this.#state;
  }

  get ended(): boolean {
    return this.#state === 'released';
  }

  end(reason: CloseReason, deadline: Deadline): Promise<readonly Ending[]> {
    if (this.#state === 'held') {
      // Flipped first: a release that comes back here by way of an event must not run twice.
      this.#state = 'releasing';
      this.#deadline = deadline.child(this.#options.graceMs ?? Number.POSITIVE_INFINITY);
      void this.#end(reason, this.#deadline).then((ending) => this.#ending.resolve([ending]));
    } else this.#deadline?.follow(deadline);
    return this.#ending.promise;
  }

  node(name: string, nowMs: number): TreeNode {
    return { name, kind: 'resource', state: this.#state, ageMs: Math.round(nowMs - this.#heldMs) };
  }

  async #end(reason: CloseReason, deadline: Deadline): Promise<Ending> {
    const { path, clock, release } = this.#options;
    const beganMs = clock.now();
    const waited = await (typeof release === 'function'
      ? deadline.wait(this.#run(release, { reason, deadline }))
      : this.#endInPhases(release, reason, deadline));
    deadline.dispose();
    this.#deadline = undefined;
    const { state, error } = { error: undefined, ...waited };
    const result = state === 'expired' ? 'overdue' : state;
    return {
      path,
      kind: 'resource',
      result,
      ms: clock.now() - beganMs,
      ...(error !== undefined && { error }),
    };
  }

  /** A graceful step may fail, the release itself may not: `destroy` decides how this ended. */
  async #endInPhases(
    { close, destroy }: Exclude<Release, ReleaseFunction>,
    reason: CloseReason,
    deadline: Deadline,
  ): Promise<Waited<void> & { readonly error?: unknown }> {
    const asking = deadline.child(deadline.remainingMs() * closeShare);
    const work = this.#run(close, { reason, deadline: asking });
    const asked = await asking.wait(work);
    asking.dispose();
    if (asked.state === 'done') return asked;
    try {
      destroy(reason);
    } catch (error) {
      return { state: 'failed', error };
    }
    const ended = await deadline.wait(work);
    return ended.state === 'failed' ? { state: 'done', value: undefined, error: ended.error } : ended;
  }

  #run(step: ReleaseFunction, context: ReleaseContext): Promise<void> {
    const work = (async () => step(context))();
    const through = () => {
      this.#state = 'released';
      this.#settled.resolve();
    };
    work.then(through, through);
    return work;
  }
}
