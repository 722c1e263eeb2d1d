// The configuration, read again: first what is different, and how each part of it would get there; then, if somebody wants
// it, that.
import { useSignal } from '@preact/signals';
import type { Reloaded } from '../../../src/gateway/reloads.ts';
import { post } from '../live/api.ts';
import { Action } from '../ui/action.tsx';
import { StateWord } from '../ui/state-word.tsx';
import { renewalWords } from './renewal-words.ts';

export function ReloadBox() {
  const seen = useSignal<Reloaded | null>(null);
  const read = (dryRun: boolean) => async () => {
    seen.value = null;
    seen.value = await post<Reloaded>('/api/reload', { dryRun });
  };
  const now = seen.value;
  return (
    <section class="configuration" aria-label="configuration">
      <h2>Configuration</h2>
      <div class="bar">
        <Action act={read(true)}>Read it again</Action>
        <span class="dim">
          Shows what is different. Nothing changes until you apply it; no session is dropped.
        </span>
      </div>
      {now && <Differences of={now} />}
      {now && !now.applied && now.differences.some(({ applies }) => applies === 'now') && (
        <div class="bar">
          <Action tone="main" act={read(false)}>
            Apply
          </Action>
          <button
            type="button"
            onClick={() => {
              seen.value = null;
            }}
          >
            Leave it
          </button>
        </div>
      )}
    </section>
  );
}

function Differences({
  of: { source, applied, differences, engines, pipelines },
}: {
  readonly of: Reloaded;
}) {
  if (differences.length === 0)
    return <p role="status">{`Nothing in ${source} is different from what runs.`}</p>;
  return (
    <div role="status">
      <p>{applied ? `Applied, from ${source}.` : `Different in ${source}:`}</p>
      <table class="rows">
        <thead>
          <tr>
            {['what', 'is', 'in', 'applies'].map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {differences.map(({ path, change, keys, applies }) => (
            <tr key={path}>
              <th scope="row">
                <code>{path}</code>
              </th>
              <td data-label="is">{change}</td>
              <td data-label="in">{keys.join(', ')}</td>
              <td data-label="applies">
                {applies === 'now' ? (
                  <StateWord state="ready" label={applied ? 'applied' : 'now'} />
                ) : (
                  <StateWord state="waiting" label="with the next start of the gateway" />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {engines.length > 0 && <p>{`Engines: ${engines.map(renewalWords).join('; ')}.`}</p>}
      {pipelines.length > 0 && (
        <p>{`Built anew: ${pipelines.map(({ name, generation }) => `${name}, generation ${generation}`).join('; ')}.`}</p>
      )}
    </div>
  );
}
