// What was said in a session, with when and by whom, a page after the other.
import { useSignal } from '@preact/signals';
import { Action } from '../ui/action.tsx';
import { clock, duration } from '../ui/format.ts';
import { moreItems, type SessionItem, type SessionWhole } from './sessions-api.ts';
import { sourceWords } from './source-words.ts';

interface SessionTranscriptProps {
  readonly id: string;
  readonly whole: SessionWhole;
}

export function SessionTranscript({ id, whole: { session, items, nextCursor } }: SessionTranscriptProps) {
  const more = useSignal<readonly SessionItem[]>([]);
  const further = useSignal<string | null | undefined>(undefined);
  if (session === null) return null;
  if (items.length === 0)
    return (
      <p class="dim">{session.items > 0 ? 'What was said is not kept here.' : 'Nothing was said yet.'}</p>
    );
  // Until somebody asks for more, the first page says where that begins.
  const cursor = further.value === undefined ? nextCursor : further.value;
  return (
    <section aria-label="what was said">
      <h2>What was said</h2>
      <ol class="transcript whole">
        {[...items, ...more.value].map((item) => (
          <Item key={item.id} item={item} />
        ))}
      </ol>
      {cursor !== null && (
        <Action
          label="more of what was said"
          act={async () => {
            const page = await moreItems(id, cursor);
            more.value = [...more.value, ...page.data];
            further.value = page.nextCursor;
          }}
        >
          More
        </Action>
      )}
    </section>
  );
}

function Item({ item }: { readonly item: SessionItem }) {
  const { role, type, name, text, heardMs, source, filler, createdAtMs, deletedAtMs } = item;
  const by = sourceWords(source);
  return (
    <li class={role === 'assistant' ? 'answer' : 'you'}>
      <span class="who">
        {type === 'message' ? (role ?? type) : (name ?? type)}
        <time class="when">{clock(createdAtMs)}</time>
      </span>
      <span>
        {text ?? <span class="dim">nobody wrote it down</span>}
        {heardMs !== null && <span class="dim">{` (cut after ${duration(heardMs)})`}</span>}
        {filler !== null && <span class="dim">{` (to pass the time: ${filler})`}</span>}
        {deletedAtMs !== null && <span class="dim"> (taken out)</span>}
        {by !== '' && <span class="by dim">{by}</span>}
      </span>
    </li>
  );
}
