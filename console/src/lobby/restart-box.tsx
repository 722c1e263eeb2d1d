// The next generation of a pipeline: what new callers get until it is ready, and whether its engines are started anew.
import { useSignal } from '@preact/signals';
import type { Renewal } from '../../../src/engines/renewal.ts';
import { post } from '../live/api.ts';
import { Action } from '../ui/action.tsx';
import { renewalWords } from './renewal-words.ts';

interface Restarted {
  readonly generation: number;
  readonly engines: readonly Renewal[];
}

const modes = {
  replace: 'new callers wait',
  seamless: 'they get the old one',
} as const;

interface RestartBoxProps {
  readonly name: string;
  readonly look: () => Promise<void>;
}

export function RestartBox({ name, look }: RestartBoxProps) {
  const mode = useSignal<keyof typeof modes>('replace');
  const engines = useSignal<'kept' | 'renewed'>('kept');
  const told = useSignal('');
  const restart = async () => {
    const asked = { mode: mode.value, engines: engines.value === 'renewed' };
    const answer = await post<Restarted>(`/api/pipelines/${encodeURIComponent(name)}/restart`, asked);
    told.value = [`Generation ${answer.generation}`, ...answer.engines.map(renewalWords)].join('; ');
    await look();
  };
  return (
    <div class="bar restart">
      <select
        aria-label={`new callers of ${name} meanwhile`}
        value={mode.value}
        onChange={({ currentTarget }) => {
          mode.value = currentTarget.value === 'seamless' ? 'seamless' : 'replace';
        }}
      >
        {Object.entries(modes).map(([value, words]) => (
          <option key={value} value={value}>{`${value}: ${words}`}</option>
        ))}
      </select>
      <label class="check">
        <input
          type="checkbox"
          aria-label={`with the engines of ${name}`}
          checked={engines.value === 'renewed'}
          onChange={({ currentTarget }) => {
            engines.value = currentTarget.checked ? 'renewed' : 'kept';
          }}
        />
        with its engines
      </label>
      <Action label={`restart pipeline ${name}`} act={restart}>
        restart
      </Action>
      {told.value !== '' && (
        <span class="dim" role="status">
          {told.value}
        </span>
      )}
    </div>
  );
}
