import type { TreeNode } from '../lifecycle/report.ts';

/** The leaves of the tree: what is still open, by path. */
export function openNames(node: TreeNode, path = ''): readonly string[] {
  const here = path ? `${path}/${node.name}` : node.name;
  if (!node.children || node.children.length === 0)
    return node.kind === 'resource' || node.kind === 'task' ? [here] : [];
  return node.children.flatMap((child) => openNames(child, here));
}
