// Sessions: those that are open, those that have ended, and one of them in full.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { askList, wordsOf } from '../live/api.ts';
import { useNow } from '../live/clock.ts';
import { onOwn } from '../live/gateway.ts';
import { useEachConnection, usePoll } from '../live/poll.ts';
import { soon } from '../live/soon.ts';
import { hrefOf, route } from '../route.ts';
import { bytes, count, day, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { SessionDetail } from './session-detail.tsx';
import { openSessions, pastSessions, type SessionRow, type Take } from './sessions-api.ts';

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
      <Recordings />
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
  const { id, state, pipeline, remote, ageMs, items, response, pendingBytes } = row;
  return (
    <tr>
      <th scope="row">
        <a href={hrefOf('sessions', id)}>
          <code>{id}</code>
        </a>
      </th>
      <td data-label="state">
        <StateWord state={response === null ? state : 'responding'} />
      </td>
      <td data-label="pipeline">{pipeline}</td>
      <td data-label="from">{remote}</td>
      <td class="number" data-label="open for">
        {duration(ageMs + Math.max(0, nowMs - atMs))}
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

function PastSessions() {
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

function Recordings() {
  const takes = useSignal<readonly Take[]>([]);
  const look = useMemo(
    () => async () => {
      takes.value = await askList<Take>('/api/recordings?limit=50');
    },
    [],
  );
  useEachConnection(() => void look().catch(() => undefined));
  useEffect(() => onOwn('greenroom.recording.', soon(look)), []);
  if (takes.value.length === 0) return null;
  return (
    <section aria-label="recordings">
      <h2>Recordings</h2>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">recording</th>
            <th scope="col">state</th>
            <th scope="col">begun</th>
            <th scope="col" class="number">
              caller
            </th>
            <th scope="col" class="number">
              size
            </th>
          </tr>
        </thead>
        <tbody>
          {takes.value.map(({ id, session, state, startedAtMs, caller, bytes: size }) => (
            <tr key={id}>
              <th scope="row">
                <a href={hrefOf('sessions', session)}>
                  <code>{id}</code>
                </a>
              </th>
              <td data-label="state">
                <StateWord state={state} />
              </td>
              <td data-label="begun">{day(startedAtMs)}</td>
              <td class="number" data-label="caller">
                {duration(caller?.durationMs ?? 0)}
              </td>
              <td class="number" data-label="size">
                {bytes(size)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
