// One session in full: what it is, what was said, its background work, its recordings, what the gateway told of it.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { has } from '../live/abilities.ts';
import { post, wordsOf } from '../live/api.ts';
import { onOwn } from '../live/gateway.ts';
import { usePoll } from '../live/poll.ts';
import { soon } from '../live/soon.ts';
import { hrefOf } from '../route.ts';
import { Action } from '../ui/action.tsx';
import { Facts } from '../ui/facts.tsx';
import { clock, count, counted, day, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { SessionEvents } from './session-events.tsx';
import { type SessionItem, type SessionTask, type SessionWhole, wholeSession } from './sessions-api.ts';
import { TakeCard } from './take-card.tsx';

const followed = ['greenroom.session.', 'greenroom.task.', 'greenroom.recording.'];

export function SessionDetail({ id }: { readonly id: string }) {
  const whole = useSignal<SessionWhole | null>(null);
  const trouble = useSignal('');
  const look = useMemo(
    () => async () => {
      try {
        whole.value = await wholeSession(id);
        trouble.value = '';
      } catch (thrown) {
        trouble.value = wordsOf(thrown);
      }
    },
    [id],
  );
  usePoll(look, 3000);
  useEffect(() => {
    const again = soon(look);
    const undos = followed.map((prefix) =>
      onOwn(prefix, ({ data }) => {
        if (isOf(data, id)) again();
      }),
    );
    return () => {
      for (const undo of undos) undo();
    };
  }, [look]);
  const now = whole.value;
  return (
    <div class="stack">
      <p>
        <a href={hrefOf('sessions')}>All sessions</a>
      </p>
      {trouble.value !== '' && (
        <p class="refusal" role="alert">
          {trouble.value}
        </p>
      )}
      {now && <Head id={id} whole={now} look={look} />}
      {now && <Transcript items={now.items} kept={now.kept} />}
      {now && now.tasks.length > 0 && <Tasks tasks={now.tasks} />}
      {now && now.takes.length > 0 && (
        <section aria-label="recordings">
          <h2>Recordings</h2>
          <div class="stack">
            {now.takes.map((take) => (
              <TakeCard key={take.id} take={take} look={look} />
            ))}
          </div>
        </section>
      )}
      <SessionEvents id={id} />
    </div>
  );
}

export function isOf(data: unknown, id: string): boolean {
  const { id: own, session } = (data ?? {}) as { id?: unknown; session?: unknown };
  return own === id || session === id;
}

interface HeadProps {
  readonly id: string;
  readonly whole: SessionWhole;
  readonly look: () => Promise<void>;
}

function Head({ id, whole: { session, takes, kept }, look }: HeadProps) {
  const name = encodeURIComponent(id);
  const open = session !== null && session.state !== 'closed' && session.state !== 'unclean';
  const recording = takes.some(({ state }) => state === 'recording');
  return (
    <section class="card" aria-label="session">
      <header>
        <h2>
          <code>{id}</code>
        </h2>
        <StateWord state={session?.state ?? 'closed'} />
      </header>
      {session && (
        <Facts
          of={[
            ['pipeline', session.pipeline],
            ['from', session.remote],
            [open ? 'open for' : 'lasted', duration(session.ageMs)],
            ['opened', session.openedAtMs === undefined ? null : day(session.openedAtMs)],
            ['ended by', session.reason],
            ['items', count(session.items)],
            ['answering', session.response],
          ]}
        />
      )}
      <footer>
        {open && (
          <Action act={() => post(`/api/sessions/${name}/recording`, { on: !recording }).then(look)}>
            {recording ? 'Stop recording' : 'Record'}
          </Action>
        )}
        {kept === 'kept' &&
          has('/api/sessions/{id}/export') &&
          (['json', 'text', 'vtt'] as const).map((format) => (
            <a key={format} class="button" href={`/api/sessions/${name}/export?format=${format}`} download>
              {`Export ${format}`}
            </a>
          ))}
      </footer>
    </section>
  );
}

function Transcript({
  items,
  kept,
}: {
  readonly items: readonly SessionItem[];
  readonly kept: SessionWhole['kept'];
}) {
  if (items.length === 0) return kept === 'kept' ? <p class="dim">Nothing was said.</p> : null;
  return (
    <section aria-label="what was said">
      <h2>What was said</h2>
      <ol class="transcript whole">
        {items.map(({ id, role, type, name, text, heardMs, createdAtMs, deletedAtMs }) => (
          <li key={id} class={role === 'assistant' ? 'answer' : 'you'}>
            <span class="who" title={clock(createdAtMs)}>
              {type === 'message' ? (role ?? type) : (name ?? type)}
            </span>
            <span>
              {text ?? <span class="dim">nobody wrote it down</span>}
              {heardMs !== null && <span class="dim">{` (cut after ${duration(heardMs)})`}</span>}
              {deletedAtMs !== null && <span class="dim"> (taken out)</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Tasks({ tasks }: { readonly tasks: readonly SessionTask[] }) {
  return (
    <section aria-label="background work">
      <h2>Background work</h2>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">task</th>
            <th scope="col">state</th>
            <th scope="col">progress</th>
            <th scope="col">result</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map(({ id, name, state, progress, result, error, startedAtMs, endedAtMs }) => (
            <tr key={id}>
              <th scope="row">{name}</th>
              <td data-label="state">
                <StateWord state={state} />
              </td>
              <td data-label="progress">
                {progress
                  ? `${counted(progress.pieces, 'piece')}, ${duration(progress.elapsedMs)}`
                  : endedAtMs === null
                    ? ''
                    : duration(endedAtMs - startedAtMs)}
              </td>
              <td data-label="result">
                {error ? (
                  <span class="refusal">{error.message}</span>
                ) : result === null ? (
                  ''
                ) : (
                  <pre class="log">{JSON.stringify(result, null, 2)}</pre>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
