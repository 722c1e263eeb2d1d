// The rungs that an engine has climbed, each with its time and who showed it.
import type { EngineStatus } from '../../../src/engines/status.ts';
import { duration } from '../ui/format.ts';
import { rungsOf } from './load.ts';

const words = { reached: 'reached', next: 'comes next', open: 'not yet' } as const;

export function Ladder({ status }: { readonly status: EngineStatus }) {
  const rungs = rungsOf(status);
  if (rungs.length === 0) return null;
  return (
    <ol class="ladder" aria-label={`readiness of ${status.name}`}>
      {rungs.map(({ name, state, ms, evidence }) => (
        <li key={name} class={state} title={evidence ?? words[state]}>
          <span class="rung">{name}</span>
          <span class="when">{ms === null ? (state === 'next' ? '…' : '') : duration(ms)}</span>
        </li>
      ))}
    </ol>
  );
}
