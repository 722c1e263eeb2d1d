// Sessions that have ended: found by what was said in them, a page after the other.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { wordsOf } from '../live/api.ts';
import { onOwn } from '../live/gateway.ts';
import { useEachConnection } from '../live/poll.ts';
import { soon } from '../live/soon.ts';
import { hrefOf } from '../route.ts';
import { count, day, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { pastSessions, type SessionRow } from './sessions-api.ts';

export function PastSessions() {
  const rows = useSignal<readonly SessionRow[]>([]);
  const cursor = useSignal<string | null>(null);
  const words = useSignal('');
  const trouble = useSignal('');
  const look = async (from: string | null) => {
    try {
      const page = await pastSessions(words.value, from);
      rows.value = from === null ? page.rows : [...rows.value, ...page.rows];
      cursor.value = page.nextCursor;
      trouble.value = '';
    } catch (thrown) {
      trouble.value = wordsOf(thrown);
    }
  };
  useEachConnection(() => void look(null));
  useEffect(
    () =>
      onOwn(
        'greenroom.session.closed',
        soon(() => look(null)),
      ),
    [],
  );
  return (
    <section aria-label="past sessions">
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault();
          void look(null);
        }}
      >
        <h2>Past</h2>
        <label class="grow">
          Words that were said
          <input
            type="search"
            value={words.value}
            onInput={({ currentTarget }) => {
              words.value = currentTarget.value;
            }}
          />
        </label>
        <button type="submit">Search</button>
      </form>
      {trouble.value !== '' && <p class="refusal">{trouble.value}</p>}
      {rows.value.length === 0 ? (
        <p class="dim">None is found.</p>
      ) : (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">session</th>
              <th scope="col">ended</th>
              <th scope="col">pipeline</th>
              <th scope="col">opened</th>
              <th scope="col" class="number">
                lasted
              </th>
              <th scope="col" class="number">
                items
              </th>
              <th scope="col">said</th>
            </tr>
          </thead>
          <tbody>
            {rows.value.map((row) => (
              <tr key={row.id}>
                <th scope="row">
                  <a href={hrefOf('sessions', row.id)}>
                    <code>{row.id}</code>
                  </a>
                </th>
                <td data-label="ended">
                  <StateWord state={row.state} label={row.reason ?? row.state} />
                </td>
                <td data-label="pipeline">{row.pipeline}</td>
                <td data-label="opened">{row.openedAtMs === undefined ? '' : day(row.openedAtMs)}</td>
                <td class="number" data-label="lasted">
                  {duration(row.ageMs)}
                </td>
                <td class="number" data-label="items">
                  {count(row.items)}
                </td>
                <td data-label="said">{row.matches?.map(({ excerpt }) => excerpt).join(' … ') ?? ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {cursor.value !== null && (
        <button type="button" onClick={() => void look(cursor.value)}>
          More
        </button>
      )}
    </section>
  );
}
