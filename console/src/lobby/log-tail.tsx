// What an engine writes, live: its last lines and then what comes, bounded.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { linkCount } from '../live/gateway.ts';

const linesMax = 500;

export function LogTail({ engine }: { readonly engine: string }) {
  const lines = useSignal<readonly string[]>([]);
  const box = useRef<HTMLPreElement>(null);
  const connection = linkCount.value;
  useEffect(() => {
    lines.value = [];
    return followLog(engine, (more) => {
      lines.value = [...lines.value, ...more].slice(-linesMax);
    });
  }, [engine, connection]);
  useEffect(() => {
    const { current } = box;
    const atEnd = current && current.scrollHeight - current.scrollTop - current.clientHeight < 60;
    if (atEnd) current.scrollTop = current.scrollHeight;
  }, [lines.value]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard has to reach it.
    <pre class="log" ref={box} tabIndex={0} role="log" aria-label={`log of ${engine}`}>
      {lines.value.length === 0 ? 'Nothing written yet.' : lines.value.join('\n')}
    </pre>
  );
}

/** Lines are told once a frame at the most. */
function followLog(engine: string, told: (lines: readonly string[]) => void): () => void {
  const source = new EventSource(`/api/engines/${encodeURIComponent(engine)}/log?follow=1&lines=200`);
  let waiting: string[] = [];
  let frame = 0;
  const show = () => {
    frame = 0;
    told(waiting);
    waiting = [];
  };
  const add = (line: string) => {
    waiting.push(line);
    frame ||= requestAnimationFrame(show);
  };
  source.onmessage = ({ data }) => add(String(JSON.parse(data)));
  source.addEventListener('gap', ({ data }) =>
    add(`… ${JSON.parse(data).lines} lines were too fast for this page …`),
  );
  // The connection to the gateway looks for it again; a log that ended with its gateway does not.
  source.onerror = () => source.close();
  return () => {
    source.close();
    cancelAnimationFrame(frame);
  };
}
