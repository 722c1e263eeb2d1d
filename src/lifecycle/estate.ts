// Everything one scope owns, and how it ends. A Scope is the handle on it, and can hand it to another (`move`).
//
//     open ──close()──▶ closing ──every entry ended or named──▶ closed
//
// The state flips before anything is released; then what it owns ends, last in first out, each within the deadline.
// What has not ended by then is a straggler: named in the report and shown in the tree of the nearest estate that is
// not closed, until it really ends.
import type { Clock } from './clock.ts';
import { Deadline } from './deadline.ts';
import type { CloseReason } from './reasons.ts';
import {
  type CloseReport,
  type Ending,
  isProblem,
  type Owned,
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
  /** Told of every task that throws while its scope is open. Must not throw. Inherited by children. */
  readonly onTaskFailure?: (failure: TaskFailure) => void;
  /** Told of a release that failed or was overdue where no close reports it. Must not throw. Inherited by children. */
  readonly onReleaseProblem?: (ending: Ending) => void;
  /** Told how everything has ended that was released, and every scope. Must not throw. Inherited by children. */
  readonly onRelease?: (ending: Ending) => void;
}

export interface CloseOptions {
  readonly graceMs?: number;
  readonly deadline?: Deadline;
}

const graceMsDefault = 3000;
/** An entry that takes so much of the time left may be hanging: the next ones begin beside it. */
const turnShare = 0.75;

export class Estate implements Owned {
  readonly path: string;
  readonly name: string;
  readonly options: ScopeOptions;
  readonly #parent: Estate | undefined;
  readonly #openedMs: number;
  readonly #controller = new AbortController();
  readonly #closed = Promise.withResolvers<CloseReport>();
  readonly #owned = new Set<Owned>();
  readonly #stragglers = new Map<Owned, Ending>();
  readonly #endings = new Set<Ending>();
  #state: ScopeState = 'open';
  #reason: CloseReason | undefined;
  /** While closing. */
  #deadline: Deadline | undefined;

  constructor(name: string, options: ScopeOptions, parent?: Estate) {
    this.name = name;
    this.path = parent ? `${parent.path}/${name}` : name;
    this.options = options;
    this.#parent = parent;
    this.#openedMs = options.clock.now();
    parent?.add(this);
  }

  get state(): ScopeState {
    return this.#state;
  }

  get reason(): CloseReason | undefined {
    return this.#reason;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get settled(): Promise<CloseReport> {
    return this.#closed.promise;
  }

  get ended(): boolean {
    return this.#state === 'closed';
  }

  add(entry: Owned): void {
    this.#owned.add(entry);
  }

  /** Takes an entry out that needs no release. */
  remove(entry: Owned): void {
    this.#owned.delete(entry);
  }

  /** An entry has ended by itself. While the estate closes it stays for its turn, so that the report has it. */
  left(entry: Owned): void {
    if (this.#state === 'open') this.#owned.delete(entry);
  }

  /** The nearest that is not closed: itself, or one above; the root if all are. */
  living(): Estate {
    return this.#state === 'closed' && this.#parent ? this.#parent.living() : this;
  }

  close(reason: CloseReason, options: CloseOptions): Promise<CloseReport> {
    if (this.#state === 'open') void this.#close(reason, options);
    else {
      if (options.graceMs !== undefined) this.#deadline?.shorten(options.graceMs);
      if (options.deadline) this.#deadline?.follow(options.deadline);
    }
    return this.#closed.promise;
  }

  async end(reason: CloseReason, deadline: Deadline): Promise<readonly Ending[]> {
    const { endings } = await this.close(reason, { deadline });
    return endings.filter(isProblem);
  }

  /** The one way in which an entry ends: by the close, by its registration, or because it came late. */
  async release(entry: Owned, reason: CloseReason): Promise<void> {
    if (!this.#owned.has(entry)) return;
    const deadline = this.#deadline ?? new Deadline(this.options.clock, this.#graceMs);
    const endings = await entry.end(reason, deadline);
    if (!this.#owned.delete(entry)) return;
    const [ending] = endings;
    if (ending && !entry.ended) this.#keep(entry, ending);
    // A scope has told of what it owned, and tells of itself.
    if (ending && !(entry instanceof Estate)) this.options.onRelease?.(ending);
    for (const each of endings) {
      if (this.#state === 'closing') this.#endings.add(each);
      else if (isProblem(each)) this.options.onReleaseProblem?.(each);
    }
  }

  node(name: string, nowMs: number): TreeNode {
    const nodeOf = (entry: Owned) => entry.node(entry.path.slice(this.path.length + 1), nowMs);
    const stragglers = [...this.#stragglers.keys()].map((entry) => ({ ...nodeOf(entry), state: 'overdue' }));
    return {
      name,
      kind: this.options.kind ?? 'scope',
      state: this.#state,
      ageMs: Math.round(nowMs - this.#openedMs),
      children: [...[...this.#owned].map(nodeOf), ...stragglers],
    };
  }

  async #close(reason: CloseReason, options: CloseOptions): Promise<void> {
    const { clock, order } = this.options;
    const beganMs = clock.now();
    const deadline = new Deadline(clock, options.graceMs ?? this.#graceMs);
    if (options.deadline) deadline.follow(options.deadline);
    this.#state = 'closing';
    this.#reason = reason;
    this.#deadline = deadline;
    this.#controller.abort(reason);
    for (const entry of this.#owned) if (entry instanceof Task) entry.abort(reason);
    // More may be registered while others end; the loop ends when none is left.
    while (this.#owned.size > 0) {
      const entries = [...this.#owned].reverse();
      if (order === 'parallel') await Promise.all(entries.map((entry) => this.release(entry, reason)));
      else await this.#releaseInTurn(entries, reason, deadline);
    }
    deadline.dispose();
    this.#deadline = undefined;
    this.#state = 'closed';
    const stragglers = [...this.#stragglers];
    this.#stragglers.clear();
    for (const [straggler, ending] of stragglers) {
      this.#endings.add(ending);
      this.living().#keep(straggler, ending);
    }
    this.#parent?.left(this);
    const ms = clock.now() - beganMs;
    this.options.onRelease?.({ path: this.path, kind: this.options.kind ?? 'scope', result: 'done', ms });
    this.#closed.resolve(reportOf(this.path, reason, ms, [...this.#endings]));
  }

  async #releaseInTurn(entries: readonly Owned[], reason: CloseReason, deadline: Deadline): Promise<void> {
    const underWay: Promise<void>[] = [];
    for (const entry of entries) {
      const releasing = this.release(entry, reason);
      underWay.push(releasing);
      const turn = deadline.child(deadline.remainingMs() * turnShare);
      await turn.wait(releasing);
      turn.dispose();
      if (deadline.expired) await releasing;
    }
    await Promise.all(underWay);
  }

  #keep(straggler: Owned, ending: Ending): void {
    this.#stragglers.set(straggler, ending);
    void straggler.settled.then(() => this.#stragglers.delete(straggler));
  }

  get #graceMs(): number {
    return this.options.graceMs ?? graceMsDefault;
  }
}
