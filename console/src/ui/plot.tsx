// A small line over the last minute. Its colours are the page's, taken anew when light becomes dark.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface PlotProps {
  readonly label: string;
  /** Seconds since 1970. */
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly heightPx?: number;
}

export function Plot({ label, xs, ys, heightPx = 90 }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const { current: at } = box;
    if (!at) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(at, heightPx), [[], []], at);
    };
    draw();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    const sized = new ResizeObserver(() =>
      plot.current?.setSize({ width: at.clientWidth, height: heightPx }),
    );
    sized.observe(at);
    return () => {
      dark.removeEventListener('change', draw);
      sized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [heightPx]);
  useEffect(() => plot.current?.setData([[...xs], [...ys]]), [xs, ys]);
  return <div class="plot" ref={box} role="img" aria-label={`${label}: ${ys.at(-1) ?? 0} now`} />;
}

function optionsFor(at: HTMLElement, height: number): uPlot.Options {
  const style = getComputedStyle(at);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--dim'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    ...{ width: at.clientWidth || 300, height, padding: [6, 6, 0, 0] },
    ...{ legend: { show: false }, cursor: { show: false } },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, size: 20, space: 80 },
      {
        ...axis,
        size: 46,
        space: 24,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000],
      },
    ],
    series: [{}, { stroke: colour('--accent'), width: 1.5, points: { show: false } }],
  };
}
