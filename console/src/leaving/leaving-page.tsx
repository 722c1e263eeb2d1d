// Leaving: the shutdown report as it happens, and whether the gateway is back.
import { post } from '../live/api.ts';
import { useNow } from '../live/clock.ts';
import { linkState } from '../live/gateway.ts';
import { Action } from '../ui/action.tsx';
import { clock, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import type { Leaving } from './leaving.ts';
import { leaving } from './leaving-store.ts';

export function LeavingPage() {
  const now = leaving.value;
  return (
    <div class="stack">
      <section class="card" aria-label="leave">
        <header>
          <h2>Leave</h2>
          <span class="dim">Callers and watchers are told, engines are stopped, and the process ends.</span>
        </header>
        <p class="bar">
          <Action
            tone="danger"
            disabled={linkState.value !== 'open'}
            confirm="Stop this gateway? Every call ends."
            act={() => post('/api/shutdown')}
          >
            Stop the gateway
          </Action>
        </p>
      </section>
      {now.state === 'none' ? (
        <p class="dim">The gateway is here. When it leaves, its report is shown here stage by stage.</p>
      ) : (
        <Course of={now} />
      )}
    </div>
  );
}

function Course({ of }: { readonly of: Exclude<Leaving, { state: 'none' }> }) {
  const nowMs = useNow();
  return (
    <section class="card" aria-label="how it left" aria-live="polite">
      <header>
        <h2>{of.reason === null ? 'The connection was lost' : `Left: ${of.reason}`}</h2>
        <StateWord state={of.state === 'back' ? 'ready' : of.state} label={words[of.state]} />
        <span class="dim">{clock(of.atMs)}</span>
      </header>
      <p>
        {of.state === 'leaving' &&
          `${duration(nowMs - of.atMs)} of ${of.totalMs === null ? '3 s' : duration(of.totalMs)}`}
        {of.state === 'gone' &&
          `Its connection ended after ${duration(of.goneMs - of.atMs)}; looked for since ${duration(nowMs - of.goneMs)}.`}
        {of.state === 'back' && `Another one answered ${duration(of.backMs - of.goneMs)} later.`}
      </p>
      {of.reason === null && (
        <p>It said nothing: it was killed, or the network is down. The terminal or the log says more.</p>
      )}
      {of.stages.length > 0 && <Stages of={of} />}
      {of.state !== 'leaving' && of.reason !== null && (
        <p class="dim">
          What comes after the connections (sockets, flush) nobody can be told; the last line of its log has
          the whole report.
        </p>
      )}
    </section>
  );
}

const words = { leaving: 'leaving', gone: 'gone', back: 'back' } as const;

function Stages({ of: { stages, totalMs } }: { readonly of: Exclude<Leaving, { state: 'none' }> }) {
  const all = totalMs ?? 3000;
  return (
    <table class="rows stages">
      <thead>
        <tr>
          <th scope="col">stage</th>
          <th scope="col">outcome</th>
          <th scope="col" class="number">
            from
          </th>
          <th scope="col" class="number">
            took
          </th>
          <th scope="col">when</th>
          <th scope="col">notes</th>
        </tr>
      </thead>
      <tbody>
        {stages.map(({ name, outcome, startMs, ms, notes }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td data-label="outcome">
              <StateWord state={outcome} />
            </td>
            <td class="number" data-label="from">
              {duration(startMs)}
            </td>
            <td class="number" data-label="took">
              {duration(ms)}
            </td>
            <td class="span">
              <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect
                  x={(startMs / all) * 100}
                  y={1}
                  width={Math.max(0.8, (ms / all) * 100)}
                  height={6}
                  rx={1}
                />
              </svg>
            </td>
            <td data-label="notes">{notes.join('; ') || '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
