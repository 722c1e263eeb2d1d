// The live tail: the newest on top. Who scrolls down or looks at one holds the list still while it goes on behind it; who
// pauses stops the reading itself, and gets everything that came meanwhile when he resumes.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useNow } from '../live/clock.ts';
import { clock, count, counted } from '../ui/format.ts';
import { Plot } from '../ui/plot.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { VirtualList } from '../ui/virtual-list.tsx';
import { EventDetail } from './event-detail.tsx';
import type { TailRow } from './tail.ts';
import { rates, rowsSeen, tail, tailFrame, tailWatch, unseen } from './tail-store.ts';

const rowPx = 26;

export function TailView() {
  const held = useSignal<readonly TailRow[] | null>(null);
  const chosen = useSignal<TailRow | null>(null);
  const top = useSignal<'top' | 'within'>('top');
  useEffect(() => {
    // A pause is the user's own word, and lasts.
    if (tailWatch.state.value !== 'paused') tailWatch.start();
    return () => {
      if (tailWatch.state.value !== 'paused') tailWatch.close();
    };
  }, []);
  tailFrame.value;
  const rows = held.value ?? tail.rows;
  const at = (n: number) => rows[rows.length - 1 - n] as TailRow;
  const hold = () => {
    held.value ??= [...tail.rows];
  };
  const list = useRef<HTMLDivElement>(null);
  const release = () => {
    held.value = null;
    chosen.value = null;
    const box = list.current?.querySelector('.virtual');
    if (box) box.scrollTop = 0;
  };
  const chosenAt = chosen.value === null ? -1 : rows.indexOf(chosen.value);
  return (
    <section aria-label="live events">
      <TailBar />
      <div ref={list}>
        <VirtualList
          label="events, the newest first"
          count={rows.length}
          rowPx={rowPx}
          keyOf={(n) => at(n).no}
          row={(n) => <Row row={at(n)} />}
          chosen={chosenAt < 0 ? undefined : rows.length - 1 - chosenAt}
          onChoose={(n) => {
            chosen.value = at(n);
            hold();
          }}
          onScroll={(place) => {
            top.value = place;
            if (place === 'within') hold();
            else if (chosen.value === null) held.value = null;
          }}
          onRows={(seen) => {
            rowsSeen.count = seen;
          }}
        />
      </div>
      {held.value !== null && (
        <p class="held" role="status">
          {`Held still: ${counted(tail.count - ((held.value.at(-1)?.no ?? -1) + 1), 'newer event')} behind it. `}
          <button type="button" onClick={release}>
            Back to live
          </button>
        </p>
      )}
      {chosen.value !== null && <EventDetail row={chosen.value} />}
    </section>
  );
}

function Row({ row: { kind, id, topic, ts, text } }: { readonly row: TailRow }) {
  return (
    <div class={`event ${kind}`}>
      <span class="when">{clock(ts)}</span>
      <span class="topic" title={id}>
        {topic}
      </span>
      <span class="data">{text.slice(0, 400)}</span>
    </div>
  );
}

function TailBar() {
  const topics = useSignal(tailWatch.topics.join(', '));
  const needle = useSignal('');
  const state = tailWatch.state.value;
  const paused = state === 'paused';
  const choose = (event: Event) => {
    event.preventDefault();
    tail.clear();
    tailWatch.choose(
      topics.value
        .split(',')
        .map((topic) => topic.trim())
        .filter((topic) => topic !== ''),
    );
  };
  return (
    <>
      <form class="bar" onSubmit={choose}>
        <label class="grow">
          Topics
          <input
            value={topics.value}
            placeholder="all: machine.*, job.&gt;, greenroom.&gt;"
            onInput={({ currentTarget }) => {
              topics.value = currentTarget.value;
            }}
          />
        </label>
        <button type="submit">Watch</button>
        <label class="grow">
          With this text
          <input
            type="search"
            value={needle.value}
            onInput={({ currentTarget }) => {
              needle.value = currentTarget.value;
              tail.filter(currentTarget.value);
              tailFrame.value += 1;
            }}
          />
        </label>
        <button
          type="button"
          aria-pressed={paused}
          onClick={() => (paused ? tailWatch.start() : tailWatch.pause())}
        >
          {paused ? 'Resume' : 'Pause'}
        </button>
        <button
          type="button"
          onClick={() => {
            tail.clear();
            tailFrame.value += 1;
          }}
        >
          Clear
        </button>
      </form>
      <div class="tail-state">
        <p>
          <StateWord state={state} /> <TailCounts />
        </p>
        {state === 'refused' && <p class="refusal">{tailWatch.reason.value}</p>}
        <RatePlot />
      </div>
    </>
  );
}

function TailCounts() {
  const nowMs = useNow();
  tailFrame.value;
  const facts = [
    `${count(rates.latest(nowMs))}/s`,
    `${count(tail.count)} came`,
    ...(tail.dropped > 0 ? [`${count(tail.dropped)} of them older than this page keeps`] : []),
    ...(unseen.value > 0 ? [`${count(unseen.value)} too fast to be shown`] : []),
    ...(tail.missing > 0 ? [`${count(tail.missing)} missing`] : []),
  ];
  return <span class="dim">{facts.join(' · ')}</span>;
}

function RatePlot() {
  // Once a second is enough.
  const second = Math.floor(useNow() / 1000);
  const { seconds, counts } = rates.series(second * 1000);
  return <Plot label="events a second" xs={seconds} ys={counts} heightPx={70} />;
}
