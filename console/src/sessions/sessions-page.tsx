// Sessions: those that are open, those that have ended, and one of them in full.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { useNow } from '../live/clock.ts';
import { onOwn } from '../live/gateway.ts';
import { usePoll } from '../live/poll.ts';
import { soon } from '../live/soon.ts';
import { hrefOf, route } from '../route.ts';
import { bytes, count, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { PastSessions } from './past-sessions.tsx';
import { RecordingsList } from './recordings-list.tsx';
import { SessionDetail } from './session-detail.tsx';
import { openSessions, type SessionRow } from './sessions-api.ts';

/** Nobody reads a thousand rows: who looks for one narrows them. */
const shownMax = 150;

export function SessionsPage() {
  const { rest } = route.value;
  return rest === '' ? <Lists /> : <SessionDetail key={rest} id={rest} />;
}

function Lists() {
  return (
    <div class="stack">
      <OpenSessions />
      <PastSessions />
      <RecordingsList />
    </div>
  );
}

function OpenSessions() {
  const rows = useSignal<readonly SessionRow[]>([]);
  const atMs = useSignal(Date.now());
  const text = useSignal('');
  const look = useMemo(
    () => async () => {
      rows.value = await openSessions();
      atMs.value = Date.now();
    },
    [],
  );
  usePoll(look, 2000);
  useEffect(() => onOwn('greenroom.session.', soon(look)), []);
  const needle = text.value.trim().toLowerCase();
  const found = rows.value.filter((row) =>
    `${row.id} ${row.pipeline} ${row.state} ${row.remote}`.toLowerCase().includes(needle),
  );
  return (
    <section aria-label="open sessions">
      <div class="bar">
        <h2>
          Open <small class="dim">{count(rows.value.length)}</small>
        </h2>
        <label class="grow">
          Only with this in id, pipeline, state or address
          <input
            type="search"
            value={text.value}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value;
            }}
          />
        </label>
      </div>
      {rows.value.length === 0 ? (
        <p class="dim">
          Nobody is here. <a href={hrefOf('talk')}>Call</a> and you are.
        </p>
      ) : (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">session</th>
              <th scope="col">state</th>
              <th scope="col">pipeline</th>
              <th scope="col">from</th>
              {['open for', 'items', 'not taken yet'].map((name) => (
                <th scope="col" class="number" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.slice(0, shownMax).map((row) => (
              <OpenRow key={row.id} row={row} atMs={atMs.value} />
            ))}
          </tbody>
        </table>
      )}
      {found.length > shownMax && (
        <p class="dim">{`${count(found.length - shownMax)} more: narrow them by text.`}</p>
      )}
    </section>
  );
}

function OpenRow({ row, atMs }: { readonly row: SessionRow; readonly atMs: number }) {
  const nowMs = useNow();
  const { id, state, pipeline, generation, remote, ageMs, items, response, pendingBytes, awayLeftMs } = row;
  const sinceMs = Math.max(0, nowMs - atMs);
  return (
    <tr>
      <th scope="row">
        <a href={hrefOf('sessions', id)}>
          <code>{id}</code>
        </a>
      </th>
      <td data-label="state">
        {awayLeftMs === null ? (
          <StateWord state={response === null ? state : 'responding'} />
        ) : (
          <StateWord state="away" label={`away, kept for ${duration(awayLeftMs - sinceMs)}`} />
        )}
      </td>
      <td data-label="pipeline">
        {pipeline} <span class="dim">{`generation ${generation}`}</span>
      </td>
      <td data-label="from">{remote}</td>
      <td class="number" data-label="open for">
        {duration(ageMs + sinceMs)}
      </td>
      <td class="number" data-label="items">
        {count(items)}
      </td>
      <td class="number" data-label="not taken">
        {bytes(pendingBytes)}
      </td>
    </tr>
  );
}
