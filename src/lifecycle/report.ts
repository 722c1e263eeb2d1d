// What a close tells: how each thing ended, which failed, which did not end in time; and the live tree's node.
import type { Deadline } from './deadline.ts';
import type { CloseReason } from './reasons.ts';

export type ScopeState = 'open' | 'closing' | 'closed';

/** How one owned thing ended. `overdue`: it had not by its deadline; it is named, and nobody waits for it. */
export interface Ending {
  readonly path: string;
  readonly kind: string;
  readonly result: 'done' | 'failed' | 'overdue';
  readonly ms: number;
  readonly error?: unknown;
}

export interface CloseReport {
  readonly scope: string;
  readonly reason: CloseReason;
  readonly ms: number;
  /** What this scope itself owned, in the order of its end. */
  readonly endings: readonly Ending[];
  /** Of this scope and everything below it. */
  readonly failed: readonly Ending[];
  readonly overdue: readonly Ending[];
}

export interface TreeNode {
  readonly name: string;
  readonly kind: string;
  /** `open | closing | closed` of a scope; `held | releasing | released` of a thing; `running` of a task; `overdue`. */
  readonly state: string;
  readonly ageMs: number;
  readonly children?: readonly TreeNode[];
}

/** Something a scope owns. `end` never rejects, and gives the same promise to every caller. */
export interface Owned {
  readonly name: string;
  end(reason: CloseReason, deadline: Deadline): Promise<readonly Ending[]>;
  /** Resolves when it has really ended, which may be after its deadline. */
  readonly settled: Promise<unknown>;
  node(nowMs: number): TreeNode;
}

export function keepUntilSettled(overdue: Set<Owned>, straggler: Owned): void {
  overdue.add(straggler);
  void straggler.settled.then(() => overdue.delete(straggler));
}

export function problems({ failed, overdue }: CloseReport): readonly Ending[] {
  return [...failed, ...overdue];
}

export function reportOf(
  scope: string,
  reason: CloseReason,
  ms: number,
  endings: readonly Ending[],
): CloseReport {
  const of = (result: Ending['result']) => endings.filter((ending) => ending.result === result);
  return { scope, reason, ms, endings, failed: of('failed'), overdue: of('overdue') };
}
