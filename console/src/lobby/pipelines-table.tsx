// The pipelines: what new callers get, the generations that are still in use, and the next one.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { PipelineShown } from '../../../src/gateway/pipeline-facts.ts';
import { askList } from '../live/api.ts';
import { useNow } from '../live/clock.ts';
import { onOwn } from '../live/gateway.ts';
import { useEachConnection } from '../live/poll.ts';
import { soon } from '../live/soon.ts';
import { counted, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { RestartBox } from './restart-box.tsx';

/** How ready a pipeline is follows from its engines, and who is in a generation from its sessions. */
const followed = ['greenroom.engine.', 'greenroom.pipeline.', 'greenroom.session.'];

export function PipelinesTable() {
  const pipelines = useSignal<readonly PipelineShown[]>([]);
  const look = useMemo(
    () => async () => {
      pipelines.value = await askList<PipelineShown>('/api/pipelines');
    },
    [],
  );
  useEffect(() => {
    const again = soon(look);
    const undos = followed.map((prefix) => onOwn(prefix, again));
    return () => {
      for (const undo of undos) undo();
    };
  }, [look]);
  useEachConnection(() => void look().catch(() => undefined));
  return (
    <table class="rows pipelines">
      <thead>
        <tr>
          <th scope="col">name</th>
          <th scope="col">kind</th>
          <th scope="col">new callers</th>
          <th scope="col">generations</th>
          <th scope="col">needs</th>
          <th scope="col">next generation</th>
        </tr>
      </thead>
      <tbody>
        {pipelines.value.map((pipeline) => (
          <tr key={pipeline.name}>
            <th scope="row">{pipeline.name}</th>
            <td data-label="kind">{pipeline.kind}</td>
            <td data-label="new callers">
              <StateWord state={pipeline.state} />
            </td>
            <td data-label="generations">
              <Generations of={pipeline} />
            </td>
            <td data-label="needs">{pipeline.needs.join(', ') || 'nothing'}</td>
            <td>{pipeline.state !== 'removed' && <RestartBox name={pipeline.name} look={look} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Generations({ of: { generations, failure } }: { readonly of: PipelineShown }) {
  const nowMs = useNow();
  return (
    <div class="generations">
      {generations.map(({ number, state, sessions, sinceMs, engines }) => (
        <div key={number} title={engines.map((one) => `${one.name} ${one.state}`).join(', ')}>
          <b>{number}</b> <StateWord state={state} />{' '}
          <span class="dim">{`${counted(sessions, 'session')}, ${duration(nowMs - sinceMs)}`}</span>
        </div>
      ))}
      {failure && (
        <div class="refusal">{`${failure.generation} came to nothing (${failure.code}): ${failure.message}`}</div>
      )}
    </div>
  );
}
