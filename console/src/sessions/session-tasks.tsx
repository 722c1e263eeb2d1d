// The background work of a session: how far it is, and what came of it.
import { counted, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import type { SessionTask } from './sessions-api.ts';

export function SessionTasks({ tasks }: { readonly tasks: readonly SessionTask[] }) {
  return (
    <section aria-label="background work">
      <h2>Background work</h2>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">task</th>
            <th scope="col">state</th>
            <th scope="col">progress</th>
            <th scope="col">result</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map(({ id, name, trigger, state, progress, result, raw, error, startedAtMs, endedAtMs }) => (
            <tr key={id}>
              <th scope="row">
                {name} <div class="dim">{triggers[trigger]}</div>
              </th>
              <td data-label="state">
                <StateWord state={state} />
              </td>
              <td data-label="progress">
                {progress
                  ? `${counted(progress.chars, 'character')}, ${duration(progress.elapsedMs)}`
                  : endedAtMs === null
                    ? ''
                    : duration(endedAtMs - startedAtMs)}
              </td>
              <td data-label="result">
                {error ? (
                  <>
                    <span class="refusal">{error.message}</span>
                    {raw !== null && <pre class="log">{raw}</pre>}
                  </>
                ) : result === null ? (
                  ''
                ) : (
                  <pre class="log">{JSON.stringify(result, null, 2)}</pre>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const triggers = {
  tool: 'asked for by the model',
  api: 'asked for over the API',
  end: 'as the session ended',
} as const;
