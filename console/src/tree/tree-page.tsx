// The live tree of ownership: what is open, who owns it, for how long.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { TreeNode } from '../../../src/lifecycle/report.ts';
import { ask } from '../live/api.ts';
import { useNow } from '../live/clock.ts';
import { onOwn } from '../live/gateway.ts';
import { usePoll } from '../live/poll.ts';
import { count, counted, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { VirtualList } from '../ui/virtual-list.tsx';
import { countsOf, flatten, type TreeRow } from './flatten.ts';

interface Seen {
  readonly root: TreeNode;
  readonly atMs: number;
}

/** A large tree costs its gateway some ms: it is asked for at most a tenth of the time. */
const shareMax = 10;

export function TreePage() {
  const seen = useSignal<Seen | null>(null);
  const turned = useSignal<ReadonlySet<string>>(new Set());
  const text = useSignal('');
  const chosen = useSignal<string | undefined>(undefined);
  const spent = useRef({ untilMs: 0 });
  const look = async () => {
    const started = performance.now();
    if (started < spent.current.untilMs) return;
    const root = await ask<TreeNode>('/api/tree');
    seen.value = { root, atMs: Date.now() };
    spent.current.untilMs = started + (performance.now() - started) * shareMax;
  };
  usePoll(look, 1000);
  // Who comes and goes changes it at once.
  useEffect(() => onOwn('greenroom.session.', () => void look().catch(() => undefined)), []);
  const rows = useComputed(() =>
    seen.value === null ? [] : flatten(seen.value.root, { turned: turned.value, text: text.value }),
  );
  const counts = useComputed(() => (seen.value === null ? null : countsOf(seen.value.root)));
  const turn = (path: string) => {
    const next = new Set(turned.value);
    if (!next.delete(path)) next.add(path);
    turned.value = next;
  };
  const at = (n: number) => rows.value[n] as TreeRow;
  const chosenAt = rows.value.findIndex(({ path }) => path === chosen.value);
  return (
    <>
      <div class="bar">
        <label class="grow">
          Only with this name
          <input
            type="search"
            value={text.value}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value;
            }}
          />
        </label>
        {counts.value !== null && (
          <p>
            {`${count(counts.value.open)} open`}
            {counts.value.closing > 0 && `, ${counts.value.closing} closing`}
            {', '}
            <span class={counts.value.overdue > 0 ? 'refusal' : ''}>{`${counts.value.overdue} overdue`}</span>
          </p>
        )}
      </div>
      <div class="tall">
        <VirtualList
          label="what is open, and who owns it"
          form="tree"
          count={rows.value.length}
          rowPx={26}
          keyOf={(n) => at(n).path}
          row={(n) => <Row row={at(n)} seenMs={seen.value?.atMs ?? 0} turn={turn} />}
          item={(n) => treeItem(at(n))}
          chosen={chosenAt < 0 ? undefined : chosenAt}
          onChoose={(n) => {
            chosen.value = at(n).path;
          }}
          onKey={(key, n) => {
            const { state, path } = at(n);
            if (
              (key === 'ArrowRight' && state === 'shut') ||
              (key === 'ArrowLeft' && state === 'opened') ||
              key === 'Enter'
            )
              turn(path);
          }}
        />
      </div>
    </>
  );
}

const treeItem = ({ level, state }: TreeRow) => ({
  'aria-level': level,
  ...(state !== 'leaf' && { 'aria-expanded': state === 'opened' }),
});

interface RowProps {
  readonly row: TreeRow;
  readonly seenMs: number;
  readonly turn: (path: string) => void;
}

function Row({ row: { node, level, state, path, below }, seenMs, turn }: RowProps) {
  const ageMs = node.ageMs + Math.max(0, useNow() - seenMs);
  return (
    <div class="node" style={{ paddingLeft: `${8 + (level - 1) * 18}px` }}>
      {/* The keyboard has the arrows for it. */}
      <span class="twist" aria-hidden="true" onClick={() => turn(path)}>
        {state === 'leaf' ? '' : state === 'opened' ? '▾' : '▸'}
      </span>
      <span class="name">{node.name}</span>
      <span class="dim kind">{node.kind === node.name ? '' : node.kind}</span>
      {state === 'shut' && <span class="dim">{counted(below, 'thing')}</span>}
      <span class="end">
        {plain.includes(node.state) ? (
          <span class="dim">{node.state}</span>
        ) : (
          <StateWord state={node.state} />
        )}
        <span class="age">{duration(ageMs)}</span>
      </span>
    </div>
  );
}

/** What is as it should be needs no colour. */
const plain: readonly string[] = ['open', 'held', 'running'];
