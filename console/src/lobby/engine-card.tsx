// One engine: where it stands, what it takes, why it failed, and what may be asked of it.
import { useSignal } from '@preact/signals';
import type { EngineStatus } from '../../../src/engines/status.ts';
import { post } from '../live/api.ts';
import { useNow } from '../live/clock.ts';
import { Action } from '../ui/action.tsx';
import { Facts } from '../ui/facts.tsx';
import { bytes, counted, duration, percent } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import type { EngineRow } from './engines.ts';
import { Ladder } from './ladder.tsx';
import { actionsFor, loadOf } from './load.ts';
import { LogTail } from './log-tail.tsx';

export interface EngineCardProps {
  readonly row: EngineRow;
  /** Null: nobody can tell. */
  readonly memoryBytes: number | null;
}

export function EngineCard({ row, memoryBytes }: EngineCardProps) {
  const { status } = row;
  const log = useSignal<'shut' | 'shown'>('shut');
  const { name, state, kind, model, port, pid, address, offers, lanes } = status;
  const logId = `log-${name}`;
  return (
    <section class="card engine" aria-labelledby={`engine-${name}`}>
      <header>
        <h3 id={`engine-${name}`}>{name}</h3>
        <StateWord
          state={state}
          label={status.ending === null ? undefined : `${state}, then ${endings[status.ending]}`}
        />
        <span class="dim">{kind}</span>
      </header>
      {state === 'starting' && <Loading row={row} />}
      <Ladder status={status} />
      <Failure status={status} />
      <Facts
        of={[
          ['model', model],
          ['offers', offers.join(', ')],
          ['address', address ?? (port === null ? null : `port ${port}`)],
          ['pid', pid],
          ['memory', memoryBytes === null ? null : bytes(memoryBytes)],
          ['requests', requests(status)],
          ['lanes', lanes],
          ['attempt', status.attempt > 1 ? status.attempt : null],
          ['start', status.start === 'lazy' ? 'when needed' : null],
        ]}
      />
      <footer>
        {actionsFor(status).map((action) => (
          <Action
            key={action}
            label={`${action} ${name}`}
            act={() => post(`/api/engines/${encodeURIComponent(name)}/${action}`)}
          >
            {action}
          </Action>
        ))}
        <button
          type="button"
          aria-label={`log of ${name}`}
          aria-expanded={log.value === 'shown'}
          aria-controls={logId}
          onClick={() => {
            log.value = log.value === 'shown' ? 'shut' : 'shown';
          }}
        >
          log
        </button>
      </footer>
      <div id={logId}>{log.value === 'shown' && <LogTail engine={name} />}</div>
    </section>
  );
}

const endings = { stopped: 'stopped', idle: 'unloaded', restart: 'started anew' } as const;

function requests({ activeCalls, waitingCalls }: EngineStatus): string {
  return waitingCalls > 0 ? `${activeCalls} under way, ${waitingCalls} waiting` : `${activeCalls} under way`;
}

function Loading({ row }: { readonly row: EngineRow }) {
  const { elapsedMs, part, from, etaMs, expectedMs } = loadOf(row.status, useNow() - row.atMs);
  const left =
    etaMs === null || expectedMs === null
      ? 'no load before to compare with'
      : etaMs > 0
        ? `about ${duration(etaMs)} left`
        : `usually ${duration(expectedMs)}`;
  return (
    <div class="loading">
      <progress max={1} {...(part !== null && { value: part })} aria-label={`load of ${row.status.name}`} />
      <span>
        {part !== null && <b>{`${from === 'estimated' ? '~' : ''}${percent(part)} `}</b>}
        {`${duration(elapsedMs)}, ${left}`}
        {row.status.text !== null && <span class="dim">{` · ${row.status.text}`}</span>}
      </span>
    </div>
  );
}

function Failure({ status: { failure, state } }: { readonly status: EngineStatus }) {
  if (failure === null) return null;
  const { code, cause, message, logTail } = failure;
  return (
    <div class="failure" role={state === 'failed' ? 'alert' : undefined}>
      <p>
        <b>{cause?.replaceAll('_', ' ') ?? code.replaceAll('_', ' ')}</b>
        {state === 'backoff'
          ? ' · it is tried again by itself'
          : state === 'failed'
            ? ' · it waits for you: start it when that is mended'
            : ''}
      </p>
      <p>{message}</p>
      {logTail.length > 0 && (
        <details>
          <summary>{`its last ${counted(logTail.length, 'line')}`}</summary>
          <pre class="log">{logTail.join('\n')}</pre>
        </details>
      )}
    </div>
  );
}
