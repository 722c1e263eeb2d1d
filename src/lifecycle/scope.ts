// The owner of things that must be released. Scopes form one tree from the process down; whatever is opened is
// registered in the same step, and released exactly once, last in first out, when its scope closes (estate.ts).
//
// Every caller of `close` gets the same promise, which never rejects: failures and stragglers stand in its report.
// What is registered late is released at once, and the close of the nearest scope that is not closed awaits it.
import type { Clock } from './clock.ts';
import { GreenroomError } from './errors.ts';
import { type CloseOptions, Estate, type ScopeOptions } from './estate.ts';
import { Holding, type Release, type ReleaseContext } from './holding.ts';
import type { CloseReason } from './reasons.ts';
import { type CloseReport, reportOf, type ScopeState, type TreeNode } from './report.ts';
import { Task } from './task.ts';

/** A registered release. */
export interface Registration {
  /** Releases now, and takes it out of its scope. Idempotent; resolves when it is through, or overdue. */
  release(reason?: CloseReason): Promise<void>;
  /** Takes it out without releasing: the thing has ended by itself. No effect once its release began. */
  forget(): void;
}

export class Scope implements AsyncDisposable {
  readonly name: string;
  readonly kind: string;
  readonly clock: Clock;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly #estate: Estate;
  /** `moved`: another scope has what it owned. */
  #hand: 'holds' | 'moved' = 'holds';

  constructor(name: string, options: ScopeOptions, estate: Estate = new Estate(name, options)) {
    this.name = name;
    this.kind = options.kind ?? 'scope';
    this.clock = options.clock;
    this.path = estate.path;
    this.signal = estate.signal;
    this.#estate = estate;
  }

  get state(): ScopeState {
    return this.#hand === 'moved' ? 'closed' : this.#estate.state;
  }

  /** Why it was closed; undefined while open. The first cause wins. */
  get reason(): CloseReason | undefined {
    return this.#hand === 'moved' ? 'done' : this.#estate.reason;
  }

  /** Resolves when it has closed, whoever closes it; of a scope that was moved, when its heir has. */
  get closed(): Promise<CloseReport> {
    return this.#estate.settled;
  }

  /**
   * Opens something and registers its release in one step. If the scope closes while `open` runs, the late result is
   * released at once, close awaits that, and the call throws `scope_closed`.
   */
  async acquire<T>(
    name: string,
    open: (signal: AbortSignal) => T | Promise<T>,
    release: (value: T, context: ReleaseContext) => void | Promise<void>,
    options: { readonly graceMs?: number } = {},
  ): Promise<T> {
    const attempt = `acquire ${name}`;
    this.#assertOpen(attempt);
    const opening = Promise.withResolvers<{ readonly value: T } | undefined>();
    const releaseOpened = async (context: ReleaseContext) => {
      const opened = await opening.promise;
      if (opened) await release(opened.value, context);
    };
    const registration = this.defer(name, releaseOpened, options);
    let value: T;
    try {
      value = await open(this.signal);
    } catch (error) {
      opening.resolve(undefined);
      registration.forget();
      this.#assertNotClosed(attempt, error);
      throw error;
    }
    opening.resolve({ value });
    this.#assertNotClosed(attempt);
    return value;
  }

  /** Registers a release. On a scope that is closing or closed it runs at once. */
  defer(name: string, release: Release, options: { readonly graceMs?: number } = {}): Registration {
    const { clock } = this;
    const holding = new Holding({ path: `${this.path}/${name}`, clock, release, graceMs: options.graceMs });
    const owner = this.#estate.living();
    owner.add(holding);
    if (this.state !== 'open') void owner.release(holding, this.reason ?? 'done');
    return {
      release: (reason = 'done') => owner.release(holding, reason),
      forget: () => {
        if (holding.state === 'held') owner.remove(holding);
      },
    };
  }

  /** Runs a tracked task; its signal aborts when the task is cancelled or the scope closes. Throws `scope_closed`. */
  spawn<T>(name: string, work: (signal: AbortSignal) => Promise<T>): Task<T> {
    this.#assertOpen(`spawn ${name}`);
    const estate = this.#estate;
    const task = new Task<T>(name, `${this.path}/${name}`, this.clock);
    estate.add(task);
    void task.done.then((outcome) => {
      estate.left(task);
      if (outcome.state !== 'failed') return;
      estate.options.onTaskFailure?.({ task: name, scope: this.path, error: outcome.error });
    });
    task.start(work);
    return task;
  }

  /** A scope of its own that closes with this one, and detaches when it closes before. Throws `scope_closed`. */
  child(name: string, options: Partial<Omit<ScopeOptions, 'clock'>> = {}): Scope {
    this.#assertOpen(`open ${name}`);
    const { onTaskFailure, onReleaseProblem, onRelease } = this.#estate.options;
    const own: ScopeOptions = {
      clock: this.clock,
      ...(onTaskFailure && { onTaskFailure }),
      ...(onReleaseProblem && { onReleaseProblem }),
      ...(onRelease && { onRelease }),
      ...options,
    };
    return new Scope(name, own, new Estate(name, own, this.#estate));
  }

  /**
   * Hands everything it owns, its place and its signal to a new scope, and is closed itself. For construction: build
   * in a scope that a failure closes, and move out of it when nothing can fail any more.
   */
  move(): Scope {
    this.#assertOpen('move');
    this.#hand = 'moved';
    return new Scope(this.name, this.#estate.options, this.#estate);
  }

  /** Idempotent. A later call with less time hurries the one under way. */
  close(reason: CloseReason, options: CloseOptions = {}): Promise<CloseReport> {
    if (this.#hand === 'moved') return Promise.resolve(reportOf(this.path, 'done', 0, []));
    return this.#estate.close(reason, options);
  }

  /** Closes with no time to spare: what is not released in this turn of the loop is named. */
  destroy(reason: CloseReason): Promise<CloseReport> {
    return this.close(reason, { graceMs: 0 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close('done').then(() => undefined);
  }

  /** What is open below it, who owns it, for how long. */
  tree(): TreeNode {
    return this.#estate.node(this.name, this.clock.now());
  }

  #assertOpen(attempt: string): void {
    if (this.#hand === 'moved') throw this.#refusal(attempt, undefined);
    this.#assertNotClosed(attempt);
  }

  /** What was begun before a move may end after it. */
  #assertNotClosed(attempt: string, cause?: unknown): void {
    if (this.#estate.state !== 'open') throw this.#refusal(attempt, cause);
  }

  #refusal(attempt: string, cause: unknown): GreenroomError {
    const { path, state, reason } = this;
    const why = this.#hand === 'moved' ? 'was moved' : `is ${state} (${reason})`;
    const details = { scope: path, state, reason };
    return new GreenroomError('scope_closed', `cannot ${attempt}: ${path} ${why}`, { details, cause });
  }
}
