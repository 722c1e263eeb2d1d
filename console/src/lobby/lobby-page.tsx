// The lobby: the door, how ready it is, each engine on its way, and the pipelines that wait for them.
import { useEffect } from 'preact/hooks';
import { onOwn } from '../live/gateway.ts';
import { usePoll } from '../live/poll.ts';
import { Facts } from '../ui/facts.tsx';
import { bytes, count, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { EngineCard } from './engine-card.tsx';
import { askEngines, engines, followEngines } from './engines.ts';
import { askHealth, askMemory, health, memory } from './health.ts';
import { PipelinesTable } from './pipelines-table.tsx';
import { ReloadBox } from './reload-box.tsx';

export function LobbyPage() {
  useEffect(() => {
    const undos = [
      followEngines(),
      onOwn('greenroom.session.', () => void askHealth().catch(() => undefined)),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  }, []);
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
      <PipelinesTable />
      <ReloadBox />
    </>
  );
}

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
