// The lobby: the door, how ready it is, each engine on its way, and the pipelines that wait for them.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { has } from '../live/abilities.ts';
import { askList, post } from '../live/api.ts';
import { onOwn } from '../live/gateway.ts';
import { useEachConnection, usePoll } from '../live/poll.ts';
import { Action } from '../ui/action.tsx';
import { Facts } from '../ui/facts.tsx';
import { bytes, count, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { EngineCard } from './engine-card.tsx';
import { askEngines, engines, followEngines } from './engines.ts';
import { askHealth, askMemory, health, memory } from './health.ts';

interface Pipeline {
  readonly name: string;
  readonly kind: string;
  readonly needs: readonly string[];
  readonly state: string;
}

export function LobbyPage() {
  const pipelines = useSignal<readonly Pipeline[]>([]);
  const askPipelines = async () => {
    pipelines.value = await askList<Pipeline>('/api/pipelines');
  };
  useEffect(() => {
    const undos = [
      followEngines(),
      // How ready a pipeline is follows from its engines.
      onOwn('greenroom.engine.', () => void askPipelines().catch(() => undefined)),
      onOwn('greenroom.session.', () => void askHealth().catch(() => undefined)),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  }, []);
  useEachConnection(() => void askPipelines().catch(() => undefined));
  usePoll(() => Promise.all([askHealth(), askEngines()]), 1000);
  usePoll(askMemory, 3000);
  const memoryOf = (name: string) => memory.value?.engines.find((one) => one.name === name)?.bytes ?? null;
  return (
    <>
      <Door />
      <h2>Engines</h2>
      {engines.value.length === 0 && <p class="dim">None is configured.</p>}
      <div class="cards">
        {engines.value.map((row) => (
          <EngineCard key={row.status.name} row={row} memoryBytes={memoryOf(row.status.name)} />
        ))}
      </div>
      <h2>Pipelines</h2>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">name</th>
            <th scope="col">kind</th>
            <th scope="col">state</th>
            <th scope="col">needs</th>
            {has(restartPath) && <th scope="col">next generation</th>}
          </tr>
        </thead>
        <tbody>
          {pipelines.value.map(({ name, kind, needs, state }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td data-label="kind">{kind}</td>
              <td data-label="state">
                <StateWord state={state} />
              </td>
              <td data-label="needs">{needs.join(', ') || 'nothing'}</td>
              {has(restartPath) && (
                <td>
                  <Action
                    label={`restart pipeline ${name}`}
                    act={() => post(`/api/pipelines/${encodeURIComponent(name)}/restart`).then(askPipelines)}
                  >
                    restart
                  </Action>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

const restartPath = '/api/pipelines/{name}/restart';

function Door() {
  const now = health.value;
  if (now === null) return <p class="dim">Asking the gateway …</p>;
  const { status, sessions, loop_delay_ms: loop } = now;
  const used = memory.value?.gateway.bytes ?? null;
  return (
    <section class="card door" aria-label="the door">
      <header>
        <h2>The door</h2>
        <StateWord state={status} />
      </header>
      <Facts
        of={[
          ['address', location.origin],
          ['sessions', `${count(sessions.open)} of ${count(sessions.max)}`],
          ['up for', duration(now.uptime_ms)],
          [
            'loop delay',
            `p50 ${loop.p50.toFixed(1)} · p99 ${loop.p99.toFixed(1)} · max ${loop.max.toFixed(0)} ms`,
          ],
          ['memory', used === null ? null : bytes(used)],
          ['pid', now.pid],
          ['version', now.version],
        ]}
      />
    </section>
  );
}
