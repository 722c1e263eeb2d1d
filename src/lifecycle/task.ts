// A tracked piece of background work. Cancelling is abort and await; a task that does not honour its signal is named
// by whoever waits for it, and stays visible until it really ends.
import type { Clock } from './clock.ts';
import type { Deadline } from './deadline.ts';
import type { CloseReason } from './reasons.ts';
import type { Ending, Owned, TreeNode } from './report.ts';

export type TaskOutcome<T> =
  | { readonly state: 'done'; readonly value: T }
  | { readonly state: 'failed'; readonly error: unknown }
  /** It threw or returned after its signal had aborted: an end that was asked for. */
  | { readonly state: 'cancelled' };

export interface TaskFailure {
  readonly task: string;
  readonly scope: string;
  readonly error: unknown;
}

export class Task<T> implements Owned {
  readonly name: string;
  readonly path: string;
  /** Never rejects. */
  readonly done: Promise<TaskOutcome<T>>;
  readonly #done = Promise.withResolvers<TaskOutcome<T>>();
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #startedMs: number;
  #state: 'running' | 'ended' = 'running';

  /** Its owner registers it before it starts it: the work may close its owner in its first step. */
  constructor(name: string, path: string, clock: Clock) {
    this.name = name;
    this.path = path;
    this.done = this.#done.promise;
    this.#clock = clock;
    this.#startedMs = clock.now();
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  get settled(): Promise<unknown> {
    return this.done;
  }

  /** Once, by its owner. */
  start(work: (signal: AbortSignal) => Promise<T>): void {
    void this.#run(work).then((outcome) => {
      this.#state = 'ended';
      this.#done.resolve(outcome);
    });
  }

  /** Aborts its signal; does not wait. Idempotent, the first reason wins. */
  abort(reason: CloseReason): void {
    this.#controller.abort(reason);
  }

  /** Aborts and waits until it has ended. */
  cancel(reason: CloseReason): Promise<TaskOutcome<T>> {
    this.abort(reason);
    return this.done;
  }

  async end(reason: CloseReason, deadline: Deadline): Promise<readonly Ending[]> {
    const beganMs = this.#clock.now();
    this.abort(reason);
    const waited = await deadline.wait(this.done);
    const base = { path: this.path, kind: 'task', ms: this.#clock.now() - beganMs };
    if (waited.state !== 'done') return [{ ...base, result: 'overdue' }];
    const outcome = waited.value;
    return [
      outcome.state === 'failed'
        ? { ...base, result: 'failed', error: outcome.error }
        : { ...base, result: 'done' },
    ];
  }

  node(name: string, nowMs: number): TreeNode {
    return { name, kind: 'task', state: this.#state, ageMs: Math.round(nowMs - this.#startedMs) };
  }

  async #run(work: (signal: AbortSignal) => Promise<T>): Promise<TaskOutcome<T>> {
    const { signal } = this.#controller;
    try {
      const value = await work(signal);
      return signal.aborted ? { state: 'cancelled' } : { state: 'done', value };
    } catch (error) {
      return signal.aborted ? { state: 'cancelled' } : { state: 'failed', error };
    }
  }
}
