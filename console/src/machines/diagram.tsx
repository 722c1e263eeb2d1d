// A machine's states and ways as a drawing: where it is now is lit, and the way by which it came.
import { useMemo } from 'preact/hooks';
import { layout, shown } from './layout.ts';
import type { Machine } from './machine.ts';

export function Diagram({ machine }: { readonly machine: Machine }) {
  const { shape, now, last, name } = machine;
  // Only another shape lies otherwise.
  const drawn = useMemo(
    () => layout({ nodes: [...machine.states.keys()], edges: [...machine.ways.values()] }),
    [machine, shape],
  );
  const came = last[0];
  const from = came?.from ?? last[1]?.to;
  const isCame = (edge: { readonly from: string; readonly to: string }) =>
    edge.from === from && edge.to === now;
  const { width, height } = drawn;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard has to reach it.
    <section class="diagram" tabIndex={0} aria-label={`diagram of ${name}`}>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        role="img"
        aria-label={`${name}: ${now}`}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="9"
            markerHeight="9"
            markerUnits="userSpaceOnUse"
            orient="auto-start-reverse"
          >
            <path d="M0 0 L8 4 L0 8 z" class="head" />
          </marker>
        </defs>
        {drawn.edges.map((edge) => {
          const facts = machine.ways.get(`${edge.from}\n${edge.to}`);
          return (
            <g key={`${edge.from} ${edge.to}`} class={isCame(edge) ? 'way came' : 'way'}>
              <title>{`${edge.from} → ${edge.to}, ${facts?.count ?? 0} times${facts?.trigger ? `, ${facts.trigger}` : ''}`}</title>
              <path d={edge.path} marker-end="url(#arrow)" />
            </g>
          );
        })}
        {drawn.nodes.map(({ name: state, x, y, width: w, height: h }) => (
          <g key={state} class={state === now ? 'box now' : 'box'}>
            <title>{state}</title>
            <rect x={x - w / 2} y={y - h / 2} width={w} height={h} rx={6} />
            <text x={x} y={y + 4.5} text-anchor="middle">
              {shown(state)}
            </text>
          </g>
        ))}
      </svg>
    </section>
  );
}
