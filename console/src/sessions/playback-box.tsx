// Plays a recording back into a session, as if it were its caller's microphone.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask, post } from '../live/api.ts';
import { Action } from '../ui/action.tsx';
import { duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { openSessions, type SessionRow } from './sessions-api.ts';

interface Playback {
  readonly id: string;
  readonly sessionId: string;
  readonly state: 'checking' | 'playing' | 'finished' | 'stopped' | 'failed';
  readonly positionMs: number;
  readonly durationMs: number;
  readonly message: string;
}

const modes = [
  ['full', 'as from the microphone'],
  ['segments', 'turn by turn'],
  ['events', 'its events, shown again'],
] as const;
const speeds = [1, 0, 0.5, 2, 4, 8];
const lookEveryMs = 500;

const isOver = ({ state }: Playback): boolean => state !== 'checking' && state !== 'playing';

export function PlaybackBox({ recording }: { readonly recording: string }) {
  const mode = useSignal<string>('full');
  const speed = useSignal(1);
  const session = useSignal('');
  const sessions = useSignal<readonly SessionRow[]>([]);
  const playback = useSignal<Playback | null>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const now = playback.value;
      if (now === null || isOver(now)) return;
      ask<Playback>(`/api/playback/${encodeURIComponent(now.id)}`)
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
    playback.value = await post<Playback>('/api/playback/start', asked);
  };
  const now = playback.value;
  const playing = now !== null && !isOver(now);
  return (
    <div class="bar">
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
          <span class="dim">{`${duration(now.positionMs)} of ${duration(now.durationMs)} ${now.message}`}</span>
        </p>
      )}
    </div>
  );
}
