// What the gateway told of one session: as far back as it remembers, and from now on.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type SeenEvent, Watch } from '../live/watch.ts';
import { clock } from '../ui/format.ts';
import { isOf } from './session-detail.tsx';

const keptMax = 200;

export function SessionEvents({ id }: { readonly id: string }) {
  const rows = useSignal<readonly SeenEvent[]>([]);
  useEffect(() => {
    const watch = new Watch({
      topics: ['greenroom.session.>', 'greenroom.task.>', 'greenroom.recording.>'],
      back: 5000,
      told(batch) {
        const ours = batch.filter((seen): seen is SeenEvent => seen.kind === 'event' && isOf(seen.data, id));
        if (ours.length > 0) rows.value = [...rows.value, ...ours].slice(-keptMax);
      },
    });
    watch.start();
    return () => watch.close();
  }, [id]);
  return (
    <section aria-label="events of the session">
      <h2>Events</h2>
      {rows.value.length === 0 ? (
        <p class="dim">None that the gateway remembers.</p>
      ) : (
        <ol class="transitions">
          {rows.value.toReversed().map(({ id: event, ts, topic, data }) => (
            <li key={event}>
              <span class="dim">{clock(ts)}</span> {topic.replace('greenroom.', '')}{' '}
              <code class="dim">{shown(data, id)}</code>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** Without what stands above already. */
function shown(data: unknown, id: string): string {
  const facts = Object.entries(data as Record<string, unknown>).filter(
    ([, value]) => value !== null && value !== id,
  );
  return facts
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}
