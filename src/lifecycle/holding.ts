// One registered release: run exactly once, with a deadline of its own. A release has two phases where it can fail to
// be graceful: `close` may take its time, `destroy` runs when that time is up and must be immediate.
import type { Clock } from './clock.ts';
import type { Deadline } from './deadline.ts';
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

export class Holding implements Owned {
  readonly name: string;
  readonly settled: Promise<unknown>;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #release: Release;
  readonly #graceMs: number | undefined;
  readonly #heldMs: number;
  readonly #through = Promise.withResolvers<void>();
  #state: 'held' | 'releasing' | 'released' = 'held';
  #ending: Promise<readonly Ending[]> | undefined;

  constructor(name: string, path: string, clock: Clock, release: Release, graceMs: number | undefined) {
    this.name = name;
    this.#path = path;
    this.#clock = clock;
    this.#release = release;
    this.#graceMs = graceMs;
    this.#heldMs = clock.now();
    this.settled = this.#through.promise;
  }

  get state(): 'held' | 'releasing' | 'released' {
    return this.#state;
  }

  end(reason: CloseReason, deadline: Deadline): Promise<readonly Ending[]> {
    this.#ending ??= this.#end(reason, deadline);
    return this.#ending;
  }

  node(nowMs: number): TreeNode {
    return { name: this.name, kind: 'resource', state: this.#state, ageMs: Math.round(nowMs - this.#heldMs) };
  }

  async #end(reason: CloseReason, deadline: Deadline): Promise<readonly Ending[]> {
    this.#state = 'releasing';
    const beganMs = this.#clock.now();
    const own = deadline.child(this.#graceMs ?? Number.POSITIVE_INFINITY);
    const close = typeof this.#release === 'function' ? this.#release : this.#release.close;
    const work = (async () => close({ reason, deadline: own }))();
    const through = () => {
      this.#state = 'released';
      this.#through.resolve();
    };
    work.then(through, through);
    let waited = await own.wait(work);
    if (waited.state !== 'done' && typeof this.#release !== 'function') {
      const { destroy } = this.#release;
      // A graceful step may fail, the release itself may not: `destroy` decides how this ended.
      const failed = attempt(() => destroy(reason));
      if (failed) waited = failed;
      else if (waited.state === 'expired') waited = await own.wait(work);
      else waited = { state: 'done', value: undefined };
    }
    own.dispose();
    const ms = this.#clock.now() - beganMs;
    const base = { path: this.#path, kind: 'resource', ms };
    if (waited.state === 'expired') return [{ ...base, result: 'overdue' }];
    if (waited.state === 'failed') return [{ ...base, result: 'failed', error: waited.error }];
    return [{ ...base, result: 'done' }];
  }
}

function attempt(step: () => void): { readonly state: 'failed'; readonly error: unknown } | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    return { state: 'failed', error };
  }
}
