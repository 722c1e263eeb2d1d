// What was recorded, or brought along, the newest first.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { TakeFacts } from '../../../src/recordings/facts.ts';
import { askList } from '../live/api.ts';
import { onOwn } from '../live/gateway.ts';
import { useEachConnection } from '../live/poll.ts';
import { soon } from '../live/soon.ts';
import { hrefOf } from '../route.ts';
import { bytes, day, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';

export function RecordingsList() {
  const takes = useSignal<readonly TakeFacts[]>([]);
  const look = useMemo(
    () => async () => {
      takes.value = await askList<TakeFacts>('/api/recordings?limit=50');
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
          {takes.value.map(({ id, session, state, source, startedAtMs, caller, bytes: size }) => (
            <tr key={id}>
              <th scope="row">
                <a href={hrefOf('sessions', session)}>
                  <code>{id}</code>
                </a>
              </th>
              <td data-label="state">
                <StateWord state={state} label={source === 'import' ? 'brought along' : undefined} />
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
