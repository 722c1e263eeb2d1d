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
  /** What it threw; beside `done`, what its graceful step threw before `destroy` made up for it. */
  readonly error?: unknown;
}

export interface CloseReport {
  readonly scope: string;
  readonly reason: CloseReason;
  readonly ms: number;
  /** What this scope itself owned, in the order of its end; of what was below it, the problems. */
  readonly endings: readonly Ending[];
  /** Of this scope and everything below it. */
  readonly failed: readonly Ending[];
  /** Also what was overdue below it long before, and still has not ended. */
  readonly overdue: readonly Ending[];
}

export interface TreeNode {
  /** Of what is overdue in a scope that has closed: the path from here. */
  readonly name: string;
  readonly kind: string;
  /** `open | closing | closed` of a scope; `held | releasing` of a thing; `running` of a task; `overdue`. */
  readonly state: string;
  readonly ageMs: number;
  readonly children?: readonly TreeNode[];
}

/** Something a scope owns. */
export interface Owned {
  readonly path: string;
  /** Begins its end, or hurries the one under way: the least time given counts. Never rejects. */
  end(reason: CloseReason, deadline: Deadline): Promise<readonly Ending[]>;
  /** Whether it has really ended, which may be after its deadline. */
  readonly ended: boolean;
  /** Resolves when it has. */
  readonly settled: Promise<unknown>;
  node(name: string, nowMs: number): TreeNode;
}

export const isProblem = ({ result }: Ending): boolean => result !== 'done';

export function reportOf(
  scope: string,
  reason: CloseReason,
  ms: number,
  endings: readonly Ending[],
): CloseReport {
  const of = (result: Ending['result']) => endings.filter((ending) => ending.result === result);
  return { scope, reason, ms, endings, failed: of('failed'), overdue: of('overdue') };
}
