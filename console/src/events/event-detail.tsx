// One event as it came, laid out to be read.

import { Facts } from '../ui/facts.tsx';
import { clock } from '../ui/format.ts';
import type { TailRow } from './tail.ts';

export function EventDetail({ row: { id, topic, ts, text } }: { readonly row: TailRow }) {
  return (
    <section class="card" aria-label="the chosen event">
      <Facts
        of={[
          ['id', <code key="id">{id}</code>],
          ['topic', topic],
          ['published', clock(ts)],
          ['characters', text.length],
        ]}
      />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard has to reach it. */}
      <pre class="log" tabIndex={0}>
        {laidOut(text)}
      </pre>
    </section>
  );
}

function laidOut(text: string): string {
  try {
    const pretty = JSON.stringify(JSON.parse(text), null, 2);
    // Numbers beyond what JavaScript has would be others: then as it came.
    return pretty.replaceAll(/\s+/g, '').length === text.replaceAll(/\s+/g, '').length ? pretty : text;
  } catch {
    // What is missing is told in words.
    return text;
  }
}
