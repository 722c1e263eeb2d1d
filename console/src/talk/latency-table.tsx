// How long each stage of the last answers took.
import { duration } from '../ui/format.ts';
import { type Answer, stagesOf } from './latency.ts';

const titles = {
  hear: 'from the end of the speech to its transcript',
  begin: 'until the answer begins',
  think: 'until its first word',
  speak: 'until its first sound',
  play: 'until that is heard',
  all: 'from the end of what was said to what is heard first',
} as const;

const shownMax = 8;

export function Latency({ answers }: { readonly answers: readonly Answer[] }) {
  if (answers.length === 0) return <p class="dim">Each answer has a line here.</p>;
  const names = Object.keys(titles) as (keyof typeof titles)[];
  return (
    <table class="times latency">
      <thead>
        <tr>
          {names.map((name) => (
            <th scope="col" key={name} title={titles[name]}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {answers
          .slice(-shownMax)
          .reverse()
          .map((answer) => (
            <tr key={answer.response}>
              {stagesOf(answer).map(({ name, ms }) => (
                <td key={name} class={name === 'all' ? 'all' : ''}>
                  {ms === null ? '–' : duration(ms)}
                </td>
              ))}
            </tr>
          ))}
      </tbody>
    </table>
  );
}
