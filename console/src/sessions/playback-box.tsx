// Plays a recording back into a session, as if it were its caller's microphone.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { PlaybackFacts } from '../../../src/playback/playback.ts';
import { ask, askList, post } from '../live/api.ts';
import { hrefOf } from '../route.ts';
import { Action } from '../ui/action.tsx';
import { duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { openSessions, type SessionRow } from './sessions-api.ts';

const modes = [
  ['full', 'as from the microphone'],
  ['segments', 'turn by turn'],
  ['events', 'its events, shown again'],
] as const;
const speeds = [1, 0, 0.5, 2, 4, 8];
const lookEveryMs = 500;

const isOver = ({ state }: PlaybackFacts): boolean => state !== 'checking' && state !== 'playing';

export function PlaybackBox({ recording }: { readonly recording: string }) {
  const mode = useSignal<string>('full');
  const speed = useSignal(1);
  const session = useSignal('');
  const sessions = useSignal<readonly SessionRow[]>([]);
  const playback = useSignal<PlaybackFacts | null>(null);
  useEffect(() => {
    // One that somebody began elsewhere, or before this page was opened.
    void askList<PlaybackFacts>('/api/playback')
      .then((all) => {
        playback.value ??= all.find(({ recordingId }) => recordingId === recording) ?? null;
      })
      .catch(() => undefined);
    const timer = setInterval(() => {
      const now = playback.value;
      if (now === null || isOver(now)) return;
      ask<PlaybackFacts>(`/api/playback/${encodeURIComponent(now.id)}`)
        .then((told) => {
          playback.value = told;
        })
        .catch(() => undefined);
    }, lookEveryMs);
    return () => clearInterval(timer);
  }, []);
  const start = async () => {
    const into = session.value === '' ? {} : { sessionId: session.value };
    const asked = { recordingId: recording, mode: mode.value, speed: speed.value, ...into };
    playback.value = await post<PlaybackFacts>('/api/playback/start', asked);
  };
  const now = playback.value;
  const playing = now !== null && !isOver(now);
  return (
    <div class="bar playback">
      <label>
        Play it back
        <select
          value={mode.value}
          onChange={({ currentTarget }) => {
            mode.value = currentTarget.value;
          }}
        >
          {modes.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label>
        Speed
        <select
          value={String(speed.value)}
          onChange={({ currentTarget }) => {
            speed.value = Number(currentTarget.value);
          }}
        >
          {speeds.map((one) => (
            <option key={one} value={String(one)}>
              {one === 0 ? 'as fast as it goes' : `${one} ×`}
            </option>
          ))}
        </select>
      </label>
      <label>
        Into
        <select
          value={session.value}
          onFocus={() =>
            void openSessions()
              .then((rows) => {
                sessions.value = rows.slice(0, 100);
              })
              .catch(() => undefined)
          }
          onChange={({ currentTarget }) => {
            session.value = currentTarget.value;
          }}
        >
          <option value="">a session of its own</option>
          {sessions.value.map(({ id, pipeline }) => (
            <option key={id} value={id}>{`${id} (${pipeline})`}</option>
          ))}
        </select>
      </label>
      {playing ? (
        <Action act={() => post('/api/playback/stop', { id: now.id })}>Stop</Action>
      ) : (
        <Action act={start}>Play back</Action>
      )}
      {now && (
        <p role="status">
          <StateWord state={now.state} />{' '}
          <span class="dim">{`${duration(now.positionMs)} of ${duration(now.durationMs)} into `}</span>
          <a href={hrefOf('sessions', now.sessionId)}>
            <code>{now.sessionId}</code>
          </a>{' '}
          {now.error ? (
            <span class="refusal">{now.error.message}</span>
          ) : (
            <span class="dim">{now.message}</span>
          )}
          <progress
            max={1}
            value={now.durationMs > 0 ? Math.min(1, now.positionMs / now.durationMs) : 0}
            aria-label="how far it is"
          />
        </p>
      )}
    </div>
  );
}
