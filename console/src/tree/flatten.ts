// The tree of ownership as rows, as far as it is opened. Pure.
import type { TreeNode } from '../../../src/lifecycle/report.ts';

export interface TreeRow {
  /** Its names from the top on; those that are called the same are numbered. */
  readonly path: string;
  readonly node: TreeNode;
  /** From 1. */
  readonly level: number;
  readonly state: 'leaf' | 'opened' | 'shut';
  /** Everything below it. */
  readonly below: number;
}

/** Beyond so many children a node is shut until somebody opens it. */
const openedMax = 40;

export interface TreeChoice {
  /** Turned over by hand: what would be open is shut, and the other way round. */
  readonly turned: ReadonlySet<string>;
  /** Only what has this in its name or kind, with its owners. */
  readonly text: string;
}

export function flatten(root: TreeNode, { turned, text }: TreeChoice): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const needle = text.trim().toLowerCase();
  const visit = (node: TreeNode, path: string, level: number): { below: number; shown: boolean } => {
    const { children = [] } = node;
    const place = rows.length;
    const opened = needle !== '' || (children.length <= openedMax || level === 1) !== turned.has(path);
    const state = children.length === 0 ? 'leaf' : opened ? 'opened' : 'shut';
    rows.push({ path, node, level, state, below: 0 });
    const inner = rows.length;
    const names = new Map<string, number>();
    let below = 0;
    let shown = needle === '' || `${node.name} ${node.kind} ${node.state}`.toLowerCase().includes(needle);
    for (const child of children) {
      const same = names.get(child.name) ?? 0;
      names.set(child.name, same + 1);
      const name = same === 0 ? child.name : `${child.name}#${same}`;
      const of = visit(child, `${path}/${name}`, level + 1);
      below += 1 + of.below;
      shown ||= of.shown;
    }
    if (state === 'shut') rows.length = inner;
    if (shown) rows[place] = { path, node, level, state, below };
    else rows.length = place;
    return { below, shown };
  };
  visit(root, root.name, 1);
  return rows;
}

export interface TreeCounts {
  readonly open: number;
  readonly closing: number;
  /** Not released in its time. */
  readonly overdue: number;
}

export function countsOf(root: TreeNode): TreeCounts {
  const counts = { open: 0, closing: 0, overdue: 0 };
  const waiting = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (node.state === 'overdue') counts.overdue += 1;
    else if (node.state === 'closing' || node.state === 'releasing') counts.closing += 1;
    else counts.open += 1;
    waiting.push(...(node.children ?? []));
  }
  return counts;
}
