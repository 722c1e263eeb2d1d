// A machine's drawing: the same shape always lies in the same places, and nothing lies on anything else.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GraphIn, layout } from '../../../console/src/machines/layout.ts';

const xOf = (graph: GraphIn) => new Map(layout(graph).nodes.map(({ name, x }) => [name, x]));

test('states lie in columns by how far they are from the first one', () => {
  const x = xOf({
    nodes: ['idle', 'busy', 'done', 'failed'],
    edges: [
      { from: 'idle', to: 'busy' },
      { from: 'busy', to: 'done' },
      { from: 'busy', to: 'failed' },
      { from: 'done', to: 'idle' },
    ],
  });
  expect(x.get('idle')).toBeLessThan(x.get('busy') ?? 0);
  expect(x.get('busy')).toBeLessThan(x.get('done') ?? 0);
  expect(x.get('done')).toBe(x.get('failed'));
});

test('what crosses is put in another order', () => {
  const { nodes } = layout({
    nodes: ['start', 'a', 'b', 'of_b', 'of_a'],
    edges: [
      { from: 'start', to: 'a' },
      { from: 'start', to: 'b' },
      { from: 'b', to: 'of_b' },
      { from: 'a', to: 'of_a' },
    ],
  });
  const y = new Map(nodes.map((node) => [node.name, node.y]));
  const above = (one: string, other: string) => (y.get(one) ?? 0) < (y.get(other) ?? 0);
  expect(above('of_a', 'of_b')).toBe(above('a', 'b'));
});

test('a way back into the column before is direct; a further one goes over or under everything; one to itself is a loop', () => {
  const { nodes, edges, height } = layout({
    nodes: ['on', 'hot', 'off'],
    edges: [
      { from: 'on', to: 'hot' },
      { from: 'hot', to: 'off' },
      { from: 'hot', to: 'on' },
      { from: 'off', to: 'on' },
      { from: 'off', to: 'off' },
    ],
  });
  const top = Math.min(...nodes.map(({ y, height: tall }) => y - tall / 2));
  const [, , direct, far, loop] = edges;
  expect(direct?.y).toBeGreaterThan(top);
  expect(far?.y).toBeLessThan(top);
  expect(loop?.path).toMatch(/^M.* C/);
  for (const { path } of edges)
    for (const [, , y] of path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)) {
      expect(Number(y)).toBeGreaterThanOrEqual(0);
      expect(Number(y)).toBeLessThanOrEqual(height);
    }
});

test('no way back runs through a box that it has nothing to do with', () => {
  const names = ['off', 'heating', 'cooling', 'pressing', 'fault'];
  const { nodes, edges } = layout({
    nodes: names,
    edges: [
      ...[
        { from: 'off', to: 'heating' },
        { from: 'off', to: 'cooling' },
        { from: 'heating', to: 'pressing' },
      ],
      ...[
        { from: 'cooling', to: 'fault' },
        { from: 'pressing', to: 'cooling' },
        { from: 'fault', to: 'heating' },
      ],
      ...[
        { from: 'pressing', to: 'off' },
        { from: 'fault', to: 'off' },
      ],
    ],
  });
  for (const { from, to, path } of edges.slice(4))
    for (const [, x, y] of path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g))
      for (const box of nodes) {
        if (box.name === from || box.name === to) continue;
        const within =
          Math.abs(Number(x) - box.x) < box.width / 2 && Math.abs(Number(y) - box.y) < box.height / 2;
        expect(within, `${from} to ${to} through ${box.name}`).toBe(false);
      }
});

test('nothing is nothing', () => {
  expect(layout({ nodes: [], edges: [] })).toEqual({ nodes: [], edges: [], width: 0, height: 0 });
});

const anyGraph = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 20 })
  .chain((nodes) =>
    fc.record({
      nodes: fc.constant(nodes),
      edges: fc.array(fc.record({ from: fc.constantFrom(...nodes), to: fc.constantFrom(...nodes) }), {
        maxLength: 40,
      }),
    }),
  );

test('whatever the machine: each state has one place, within the drawing, and none covers another', () => {
  fc.assert(
    fc.property(anyGraph, (graph) => {
      const drawn = layout(graph);
      expect(layout(graph)).toEqual(drawn);
      expect(drawn.nodes.map(({ name }) => name).toSorted()).toEqual([...graph.nodes].toSorted());
      expect(drawn.edges).toHaveLength(graph.edges.length);
      for (const [n, a] of drawn.nodes.entries()) {
        expect(a.x - a.width / 2).toBeGreaterThanOrEqual(0);
        expect(a.x + a.width / 2).toBeLessThanOrEqual(drawn.width);
        expect(a.y + a.height / 2).toBeLessThanOrEqual(drawn.height);
        for (const b of drawn.nodes.slice(n + 1)) {
          const apart =
            Math.abs(a.x - b.x) >= (a.width + b.width) / 2 ||
            Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
          expect(apart, `${a.name} and ${b.name}`).toBe(true);
        }
      }
      for (const { path } of drawn.edges) expect(path).not.toMatch(/NaN|undefined|Infinity/);
    }),
    { numRuns: 200 },
  );
});
