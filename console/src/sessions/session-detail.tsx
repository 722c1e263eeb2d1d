// One session in full: what it is, what was said, its background work, its recordings, what the gateway told of it.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { post, remove, wordsOf } from '../live/api.ts';
import { onOwn } from '../live/gateway.ts';
import { usePoll } from '../live/poll.ts';
import { soon } from '../live/soon.ts';
import { hrefOf } from '../route.ts';
import { Action } from '../ui/action.tsx';
import { Facts } from '../ui/facts.tsx';
import { count, day, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { SessionEvents } from './session-events.tsx';
import { SessionTasks } from './session-tasks.tsx';
import { SessionTranscript } from './session-transcript.tsx';
import { type SessionWhole, wholeSession } from './sessions-api.ts';
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
      {now && <SessionTranscript id={id} whole={now} />}
      {now && now.tasks.length > 0 && <SessionTasks tasks={now.tasks} />}
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

function Head({ id, whole: { session, tasks, takes }, look }: HeadProps) {
  const name = encodeURIComponent(id);
  const open = session !== null && session.state !== 'closed' && session.state !== 'unclean';
  const under = tasks.filter(({ endedAtMs }) => endedAtMs === null);
  const recording = takes.some(({ state }) => state === 'recording');
  return (
    <section class="card" aria-label="session">
      <header>
        <h2>
          <code>{id}</code>
        </h2>
        <StateWord state={session?.state ?? 'closed'} label={session ? undefined : 'recordings only'} />
        {!open && under.length > 0 && (
          <StateWord state="closing" label={`${under.map(({ name }) => name).join(', ')} still goes on`} />
        )}
      </header>
      {session && (
        <Facts
          of={[
            ['pipeline', `${session.pipeline}, generation ${session.generation}`],
            ['from', session.remote],
            [open ? 'open for' : 'lasted', duration(session.ageMs)],
            ['opened', session.openedAtMs === undefined ? null : day(session.openedAtMs)],
            ['ended by', session.reason],
            ['items', count(session.items)],
            ['answering', session.response],
            ['comes back within', session.awayLeftMs === null ? null : duration(session.awayLeftMs)],
            ['closed with', session.closeCode],
            ['answers', session.answers],
          ]}
        />
      )}
      <footer>
        {open && (
          <Action act={() => post(`/api/sessions/${name}/recording`, { on: !recording }).then(look)}>
            {recording ? 'Stop recording' : 'Record'}
          </Action>
        )}
        {session &&
          (['json', 'text', 'vtt'] as const).map((format) => (
            <a key={format} class="button" href={`/api/sessions/${name}/export?format=${format}`} download>
              {`Export ${format}`}
            </a>
          ))}
        {session && !open && (
          <Action
            tone="danger"
            label="Remove session"
            confirm={`Remove session ${id}: what was said, its background work, its recordings with their files?`}
            act={async () => {
              await remove(`/api/sessions/${name}`);
              location.hash = hrefOf('sessions');
            }}
          >
            Remove
          </Action>
        )}
      </footer>
    </section>
  );
}
