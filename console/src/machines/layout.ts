// A small layered layout: states in columns by how far they are from the first one, ordered so that ways cross little,
// ways as curves. Pure: the same states and ways, in the same order, always lie in the same places.

export interface GraphIn {
  /** In the order in which they were met: the first is where it begins. */
  readonly nodes: readonly string[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
}

interface PlacedNode {
  readonly name: string;
  /** Of its middle. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface PlacedEdge {
  readonly from: string;
  readonly to: string;
  /** Of an SVG path. */
  readonly path: string;
  /** Where its label has its middle. */
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

const heightPx = 34;
const layerGapPx = 64;
const rowGapPx = 30;
const marginPx = 14;
const characterPx = 7.6;
const sweeps = 4;
/** Room above the rows for each of the ways that go back. */
const backPx = 16;
const lanesMax = 6;

export function layout({ nodes, edges }: GraphIn): Layout {
  if (nodes.length === 0) return { nodes: [], edges: [], width: 0, height: 0 };
  const layers = ordered(layersOf(nodes, edges), edges);
  const backs = edges.filter(({ from, to }) => layerIn(layers, from) > layerIn(layers, to) + 1).length;
  const top =
    marginPx + Math.min(backs, lanesMax) * backPx + (edges.some(({ from, to }) => from === to) ? 14 : 0);
  const placed = place(layers, top);
  const at = new Map(placed.map((node) => [node.name, node]));
  const columns = new Map(layers.flatMap((names, layer) => names.map((name) => [name, layer] as const)));
  const middle = (Math.min(...placed.map(({ y }) => y)) + Math.max(...placed.map(({ y }) => y))) / 2;
  const bottom = Math.max(...placed.map(({ y }) => y)) + heightPx / 2;
  const back = { over: 0, under: 0 };
  const drawn = edges.flatMap((edge): PlacedEdge[] => {
    const from = at.get(edge.from);
    const to = at.get(edge.to);
    if (!from || !to) return [];
    if (from === to) return [{ ...edge, ...loop(from) }];
    if ((columns.get(edge.to) ?? 0) > (columns.get(edge.from) ?? 0))
      return [{ ...edge, ...forward(from, to) }];
    const [fromColumn = 0, toColumn = 0] = [columns.get(edge.from), columns.get(edge.to)];
    if (fromColumn === toColumn) return [{ ...edge, ...beside(from, to) }];
    if (fromColumn === toColumn + 1) return [{ ...edge, ...backward(from, to) }];
    const side = from.y > middle ? 'under' : 'over';
    const lane = back[side]++ % lanesMax;
    const y = side === 'over' ? top - lane * backPx - 18 : bottom + lane * backPx + 18;
    return [{ ...edge, ...around(from, to, y, lane) }];
  });
  const width = Math.max(...placed.map(({ x, width }) => x + width / 2)) + marginPx + 10;
  const height = bottom + marginPx + (back.under > 0 ? 18 + Math.min(back.under, lanesMax) * backPx : 0);
  return { nodes: placed, edges: drawn, width, height };
}

const layerIn = (layers: readonly (readonly string[])[], name: string): number =>
  layers.findIndex((names) => names.includes(name));

/** By the fewest steps from the first state; what is not reached from it begins anew. */
function layersOf(nodes: readonly string[], edges: GraphIn['edges']): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const depth = new Map<string, number>();
  for (const start of nodes) {
    if (depth.has(start)) continue;
    depth.set(start, 0);
    const waiting = [start];
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      for (const to of next.get(name) ?? [])
        if (!depth.has(to)) {
          depth.set(to, (depth.get(name) ?? 0) + 1);
          waiting.push(to);
        }
  }
  const layers: string[][] = [];
  for (const name of nodes) (layers[depth.get(name) ?? 0] ??= []).push(name);
  return layers;
}

/** Each by the middle of its neighbours in the layer before, and then after, some times. */
function ordered(layers: string[][], edges: GraphIn['edges']): readonly (readonly string[])[] {
  const neighbours = new Map<string, Set<string>>();
  const join = (a: string, b: string) => neighbours.set(a, (neighbours.get(a) ?? new Set()).add(b));
  for (const { from, to } of edges) {
    join(from, to);
    join(to, from);
  }
  const result = layers.map((names) => [...names]);
  const align = (layer: number, beside: number) => {
    const places = new Map((result[beside] ?? []).map((name, place) => [name, place]));
    const middle = (name: string, place: number) => {
      const found = [...(neighbours.get(name) ?? [])].flatMap((one) => places.get(one) ?? []);
      return found.length === 0 ? place : found.reduce((sum, one) => sum + one, 0) / found.length;
    };
    const rank = new Map((result[layer] ?? []).map((name, place) => [name, middle(name, place)]));
    result[layer]?.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
  };
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    for (let layer = 1; layer < result.length; layer += 1) align(layer, layer - 1);
    for (let layer = result.length - 2; layer >= 0; layer -= 1) align(layer, layer + 1);
  }
  return result;
}

function place(layers: readonly (readonly string[])[], top: number): readonly PlacedNode[] {
  const tallest = Math.max(...layers.map((names) => names.length));
  const heightOf = (count: number) => count * heightPx + (count - 1) * rowGapPx;
  let left = marginPx;
  return layers.flatMap((names) => {
    const width = Math.max(...names.map((name) => Math.max(48, shown(name).length * characterPx + 22)));
    const start = top + (heightOf(tallest) - heightOf(names.length)) / 2;
    const column = names.map((name, row) => ({
      ...{ name, width, height: heightPx, x: left + width / 2 },
      y: start + row * (heightPx + rowGapPx) + heightPx / 2,
    }));
    left += width + layerGapPx;
    return column;
  });
}

const shownMax = 28;

/** A name that is too long for its box is cut. */
export const shown = (name: string): string =>
  name.length > shownMax ? `${name.slice(0, shownMax - 1)}…` : name;

const round = (value: number): number => Math.round(value * 10) / 10;
const point = (x: number, y: number): string => `${round(x)} ${round(y)}`;

function forward(from: PlacedNode, to: PlacedNode) {
  const x1 = from.x + from.width / 2;
  const x2 = to.x - to.width / 2;
  const bend = Math.max(24, (x2 - x1) / 2);
  const path = `M${point(x1, from.y)} C${point(x1 + bend, from.y)} ${point(x2 - bend, to.y)} ${point(x2, to.y)}`;
  return { path, x: round((x1 + x2) / 2), y: round((from.y + to.y) / 2 - 5) };
}

/** Of one column: around its right side. */
function beside(from: PlacedNode, to: PlacedNode) {
  const x = from.x + from.width / 2;
  const out = x + 18 + Math.abs(from.y - to.y) / 8;
  const path = `M${point(x, from.y)} C${point(out, from.y)} ${point(out, to.y)} ${point(x, to.y)}`;
  return { path, x: round(out), y: round((from.y + to.y) / 2) };
}

/** So far below the middle of its boxes, beside the ways forward. */
const backDownPx = 8;

/** Into the column before: nothing lies between. */
function backward(from: PlacedNode, to: PlacedNode) {
  const x1 = from.x - from.width / 2;
  const x2 = to.x + to.width / 2;
  const [y1, y2] = [from.y + backDownPx, to.y + backDownPx];
  const bend = (x1 - x2) / 2;
  const path = `M${point(x1, y1)} C${point(x1 - bend, y1)} ${point(x2 + bend, y2)} ${point(x2, y2)}`;
  return { path, x: round((x1 + x2) / 2), y: round((y1 + y2) / 2 + 12) };
}

/** Further back: up or down to `y` between the columns, where no box is, and across over or under all of them. */
function around(from: PlacedNode, to: PlacedNode, y: number, lane: number) {
  const corner = 10;
  const x1 = from.x - from.width / 2 - 16 - lane * 4;
  const x2 = to.x + to.width / 2 + 16 + lane * 4;
  const [y1, y2] = [from.y + backDownPx, to.y + backDownPx];
  const away = y < y1 ? -corner : corner;
  const home = y < y2 ? corner : -corner;
  const path = [
    `M${point(from.x - from.width / 2, y1)} Q${point(x1, y1)} ${point(x1, y1 + away)}`,
    `L${point(x1, y - away)} Q${point(x1, y)} ${point(x1 - corner, y)}`,
    `L${point(x2 + corner, y)} Q${point(x2, y)} ${point(x2, y + home)}`,
    `L${point(x2, y2 - home)} Q${point(x2, y2)} ${point(to.x + to.width / 2, y2)}`,
  ];
  return { path: path.join(' '), x: round((x1 + x2) / 2), y: round(y - 4) };
}

function loop({ x, y, width, height }: PlacedNode) {
  const right = x + width / 2 - 8;
  const over = y - height / 2;
  const path = `M${point(right - 16, over)} C${point(right - 16, over - 22)} ${point(right + 10, over - 22)} ${point(right, over)}`;
  return { path, x: round(right - 4), y: round(over - 18) };
}
