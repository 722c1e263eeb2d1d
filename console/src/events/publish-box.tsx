// Publishes an event, as a program would.
import { useSignal } from '@preact/signals';
import { post, wordsOf } from '../live/api.ts';

interface Published {
  readonly accepted: number;
  readonly id: string | null;
  readonly topic: string | null;
  readonly rejected: readonly { readonly code: string; readonly message: string }[];
}

export function PublishBox() {
  const topic = useSignal('machine.press');
  const data = useSignal('{"state":"on"}');
  const answer = useSignal('');
  const tone = useSignal<'dim' | 'refusal'>('dim');
  const say = (words: string, how: 'dim' | 'refusal') => {
    answer.value = words;
    tone.value = how;
  };
  const publish = async (event: Event) => {
    event.preventDefault();
    let value: unknown;
    try {
      value = JSON.parse(data.value);
    } catch (thrown) {
      return say(`The data is not JSON: ${wordsOf(thrown)}`, 'refusal');
    }
    try {
      const {
        accepted,
        id,
        topic: to,
        rejected,
      } = await post<Published>('/v1/events', { topic: topic.value, data: value });
      if (accepted > 0) say(`Published on ${to} as ${id}.`, 'dim');
      else say(rejected.map(({ message }) => message).join('; '), 'refusal');
    } catch (thrown) {
      say(wordsOf(thrown), 'refusal');
    }
  };
  return (
    <section aria-label="publish">
      <h2>Publish</h2>
      <form class="bar" onSubmit={(event) => void publish(event)}>
        <label>
          Topic
          <input
            required
            value={topic.value}
            onInput={({ currentTarget }) => {
              topic.value = currentTarget.value;
            }}
          />
        </label>
        <label class="grow">
          Data, as JSON
          <textarea
            rows={1}
            class="mono"
            value={data.value}
            onInput={({ currentTarget }) => {
              data.value = currentTarget.value;
            }}
          />
        </label>
        <button type="submit" class="main">
          Publish
        </button>
      </form>
      <p class={tone.value} role="status">
        {answer.value}
      </p>
    </section>
  );
}
