// The owner of things that must be released. Scopes form one tree from the process down; whatever is opened is
// registered in the same step, and released exactly once, last in first out, when its scope closes.
//
//     open ──close()──▶ closing ──every entry ended or named──▶ closed
//
// The state flips before anything is released. Every caller of `close` gets the same promise, which never rejects:
// failures and stragglers stand in its report. What is registered late is released at once, and close awaits it.
import type { Clock } from './clock.ts';
import { Deadline } from './deadline.ts';
import { GreenroomError } from './errors.ts';
import { Holding, type Release, type ReleaseContext } from './holding.ts';
import type { CloseReason } from './reasons.ts';
import {
  type CloseReport,
  type Ending,
  keepUntilSettled,
  type Owned,
  problems,
  reportOf,
  type ScopeState,
  type TreeNode,
} from './report.ts';
import { Task, type TaskFailure } from './task.ts';

export interface ScopeOptions {
  readonly clock: Clock;
  /** What it is, for the tree: `process`, `session`, `engine`. Default `scope`. */
  readonly kind?: string;
  /** Time for everything in it to be released. Default 3000. */
  readonly graceMs?: number;
  /** `parallel`: its entries do not depend on each other, as in a registry of sessions. Default `lifo`. */
  readonly order?: 'lifo' | 'parallel';
  /** Told of every task that throws while its scope is open. Inherited by children. */
  readonly onTaskFailure?: (failure: TaskFailure) => void;
}

/** A registered release. */
export interface Registration {
  /** Releases now, and takes it out of its scope. Idempotent; resolves when it is through. */
  release(reason?: CloseReason): Promise<void>;
  /** Takes it out without releasing: the thing has ended by itself. No effect once its release began. */
  forget(): void;
}

/** What a scope hands to its heir in `move`. */
interface Estate {
  readonly path: string;
  readonly controller: AbortController;
  readonly owned: Set<Owned>;
  readonly overdue: Set<Owned>;
  /** Tells the parent that the scope has closed, and what is left of it. */
  readonly leave: (overdue: readonly Owned[]) => void;
}

const graceMsDefault = 3000;

export class Scope implements AsyncDisposable {
  readonly name: string;
  readonly kind: string;
  readonly clock: Clock;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly #options: ScopeOptions;
  readonly #estate: Estate;
  readonly #openedMs: number;
  readonly #closed = Promise.withResolvers<CloseReport>();
  #heir: Scope | undefined;
  #state: ScopeState = 'open';
  #reason: CloseReason | undefined;
  #deadline: Deadline | undefined;

  constructor(name: string, options: ScopeOptions, estate?: Estate) {
    this.name = name;
    this.kind = options.kind ?? 'scope';
    this.clock = options.clock;
    this.#options = options;
    this.#estate = estate ?? {
      path: name,
      controller: new AbortController(),
      owned: new Set(),
      overdue: new Set(),
      leave: () => undefined,
    };
    this.path = this.#estate.path;
    this.signal = this.#estate.controller.signal;
    this.#openedMs = this.clock.now();
  }

  get state(): ScopeState {
    return this.#state;
  }

  /** Why it was closed; undefined while open. The first cause wins. */
  get reason(): CloseReason | undefined {
    return this.#reason;
  }

  /** Resolves when it has closed, whoever closes it. */
  get closed(): Promise<CloseReport> {
    return this.#closed.promise;
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
    this.#assertOpen(`acquire ${name}`);
    const opening = Promise.withResolvers<{ readonly value: T } | undefined>();
    const registration = this.defer(
      name,
      async (context) => {
        const opened = await opening.promise;
        if (opened) await release(opened.value, context);
      },
      options,
    );
    let value: T;
    try {
      value = await open(this.signal);
    } catch (error) {
      opening.resolve(undefined);
      registration.forget();
      throw error;
    }
    opening.resolve({ value });
    this.#assertOpen(`acquire ${name}`);
    return value;
  }

  /** Registers a release. On a scope that is closing or closed it runs at once; a close under way awaits it. */
  defer(name: string, release: Release, options: { readonly graceMs?: number } = {}): Registration {
    const holding = new Holding(name, `${this.path}/${name}`, this.clock, release, options.graceMs);
    const { owned } = this.#estate;
    owned.add(holding);
    const end = async (reason: CloseReason) => {
      await holding.end(
        reason,
        this.#deadline ?? new Deadline(this.clock, this.#options.graceMs ?? graceMsDefault),
      );
      owned.delete(holding);
    };
    if (this.#state !== 'open') void end(this.#reason ?? 'done');
    return {
      release: (reason = 'done') => end(reason),
      forget: () => {
        if (holding.state === 'held') owned.delete(holding);
      },
    };
  }

  /** Runs a tracked task; its signal aborts when the task is cancelled or the scope closes. Throws `scope_closed`. */
  spawn<T>(name: string, work: (signal: AbortSignal) => Promise<T>): Task<T> {
    this.#assertOpen(`spawn ${name}`);
    const { owned } = this.#estate;
    const task = new Task(name, `${this.path}/${name}`, this.clock, work);
    owned.add(task);
    void task.done.then((outcome) => {
      owned.delete(task);
      if (outcome.state === 'failed') {
        this.#options.onTaskFailure?.({ task: name, scope: this.path, error: outcome.error });
      }
    });
    return task;
  }

  /** A scope of its own that closes with this one, and detaches when it closes before. Throws `scope_closed`. */
  child(name: string, options: Partial<Omit<ScopeOptions, 'clock'>> = {}): Scope {
    this.#assertOpen(`open ${name}`);
    const { owned, overdue } = this.#estate;
    const { onTaskFailure } = this.#options;
    const estate: Estate = {
      path: `${this.path}/${name}`,
      controller: new AbortController(),
      owned: new Set(),
      overdue: new Set(),
      leave: (left) => {
        owned.delete(entry);
        for (const straggler of left) keepUntilSettled(overdue, straggler);
      },
    };
    const child = new Scope(
      name,
      { clock: this.clock, ...(onTaskFailure && { onTaskFailure }), ...options },
      estate,
    );
    const entry: Owned = {
      name,
      settled: child.closed,
      end: (reason, deadline) =>
        child
          .#last()
          .close(reason, { deadline })
          .then((report) => problems(report)),
      node: () => child.#last().tree(),
    };
    owned.add(entry);
    return child;
  }

  /**
   * Hands everything it owns, its place and its signal to a new scope, and is closed itself. For construction: build
   * in a scope that a failure closes, and move out of it when nothing can fail any more.
   */
  move(): Scope {
    this.#assertOpen('move');
    const heir = new Scope(this.name, this.#options, this.#estate);
    this.#heir = heir;
    this.#state = 'closed';
    this.#reason = 'done';
    void heir.closed.then((report) => this.#closed.resolve(report));
    return heir;
  }

  /** Idempotent. A later call with less time hurries the one under way. */
  close(
    reason: CloseReason,
    options: { readonly graceMs?: number; readonly deadline?: Deadline } = {},
  ): Promise<CloseReport> {
    if (this.#heir) return Promise.resolve(reportOf(this.path, reason, 0, []));
    if (this.#state === 'open') void this.#run(reason, options);
    else if (options.graceMs !== undefined) this.#hurry(options.graceMs);
    return this.#closed.promise;
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
    const now = this.clock.now();
    const { owned, overdue } = this.#estate;
    return {
      name: this.name,
      kind: this.kind,
      state: this.#state,
      ageMs: Math.round(now - this.#openedMs),
      children: [
        ...[...owned].map((entry) => entry.node(now)),
        ...[...overdue].map((entry) => ({ ...entry.node(now), state: 'overdue' })),
      ],
    };
  }

  #last(): Scope {
    return this.#heir ? this.#heir.#last() : this;
  }

  #assertOpen(attempt: string): void {
    if (this.#state === 'open') return;
    throw new GreenroomError(
      'scope_closed',
      `cannot ${attempt}: ${this.path} is ${this.#state} (${this.#reason})`,
    );
  }

  #hurry(graceMs: number): void {
    const deadline = this.#deadline;
    if (!deadline || deadline.remainingMs() <= graceMs) return;
    if (graceMs <= 0) deadline.expire();
    else this.clock.after(graceMs, () => deadline.expire(), { ref: false });
  }

  async #run(
    reason: CloseReason,
    options: { readonly graceMs?: number; readonly deadline?: Deadline },
  ): Promise<void> {
    const graceMs = options.graceMs ?? this.#options.graceMs ?? graceMsDefault;
    const deadline = options.deadline ? options.deadline.child(graceMs) : new Deadline(this.clock, graceMs);
    const beganMs = this.clock.now();
    this.#state = 'closing';
    this.#reason = reason;
    this.#deadline = deadline;
    const { controller, owned, overdue, leave } = this.#estate;
    controller.abort(reason);
    for (const entry of owned) if (entry instanceof Task) entry.abort(reason);

    const endings: Ending[] = [];
    const stragglers: Owned[] = [];
    const end = async (entry: Owned) => {
      const ended = await entry.end(reason, deadline);
      owned.delete(entry);
      endings.push(...ended);
      if (ended.some(({ result, path }) => result === 'overdue' && path === `${this.path}/${entry.name}`)) {
        stragglers.push(entry);
      }
    };
    // Entries may be added while others end; the loop ends when none is left.
    while (owned.size > 0) {
      const entries = [...owned].reverse();
      if (this.#options.order === 'parallel') await Promise.all(entries.map(end));
      else await end(entries[0] as Owned);
    }
    deadline.dispose();
    this.#state = 'closed';
    leave([...overdue, ...stragglers]);
    for (const straggler of stragglers) keepUntilSettled(overdue, straggler);
    this.#closed.resolve(reportOf(this.path, reason, this.clock.now() - beganMs, endings));
  }
}
