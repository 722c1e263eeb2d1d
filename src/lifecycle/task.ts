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
  /** Never rejects. */
  readonly done: Promise<TaskOutcome<T>>;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #controller = new AbortController();
  readonly #startedMs: number;
  #state: 'running' | 'ended' = 'running';

  constructor(name: string, path: string, clock: Clock, work: (signal: AbortSignal) => Promise<T>) {
    this.name = name;
    this.#path = path;
    this.#clock = clock;
    this.#startedMs = clock.now();
    this.done = this.#run(work);
  }

  get settled(): Promise<unknown> {
    return this.done;
  }

  /** Aborts its signal; does not wait. Idempotent, the first reason wins. */
  abort(reason: CloseReason): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(reason);
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
    const ms = this.#clock.now() - beganMs;
    const ending = (result: Ending['result'], error?: unknown): Ending[] => [
      { path: this.#path, kind: 'task', result, ms, ...(error === undefined ? {} : { error }) },
    ];
    if (waited.state !== 'done') return ending('overdue');
    return waited.value.state === 'failed' ? ending('failed', waited.value.error) : ending('done');
  }

  node(nowMs: number): TreeNode {
    return { name: this.name, kind: 'task', state: this.#state, ageMs: Math.round(nowMs - this.#startedMs) };
  }

  async #run(work: (signal: AbortSignal) => Promise<T>): Promise<TaskOutcome<T>> {
    const { signal } = this.#controller;
    try {
      const value = await work(signal);
      return signal.aborted ? { state: 'cancelled' } : { state: 'done', value };
    } catch (error) {
      return signal.aborted ? { state: 'cancelled' } : { state: 'failed', error };
    } finally {
      this.#state = 'ended';
    }
  }
}
