// What a caller that has come back is to know before anything else: the conversation as it is, in the words in which it
// would have been told. Whoever hears this and what follows has what the gateway has, whatever was missed. Pure.
//
// What is complete is told as it is now: `added` and `done`. An answer under way is begun once more, with its text so far
// in one delta; its audio goes on from where it is. A response that was begun before and is not begun here has ended.
import type { Item } from '../wire/items.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import { shownSession } from '../wire/transcription-session.ts';
import { addressOf as heardAddress } from './hearing.ts';
import { turnBegun } from './input.ts';
import { responseShown } from './output.ts';
import type { ActiveResponse, Conversation } from './state.ts';

export function replay(state: Conversation): readonly ServerEvent[] {
  const { id, session, items, response, asides, input } = state;
  const running = response ? [response, ...asides] : asides;
  return [
    { type: 'session.created', session: shownSession(session) },
    { type: 'conversation.created', conversation: { id, object: 'realtime.conversation' } },
    ...items.flatMap((item, at) => itemEvents(state, item, items[at - 1]?.id ?? null)),
    // Those that have no item in the conversation, or none yet.
    ...running.filter((each) => !isShown(state, each)).flatMap((each) => responseShown(each, [])),
    ...(input.turn ? [turnBegun(input.turn)] : []),
  ];
}

function itemEvents(state: Conversation, item: Item, previousId: string | null): readonly ServerEvent[] {
  const event = { previous_item_id: previousId, item };
  const added: ServerEvent = { type: 'conversation.item.added', ...event };
  const { response } = state;
  if (item.status === 'in_progress') return response ? responseShown(response, [added]) : [added];
  return [added, { type: 'conversation.item.done', ...event }, ...unheardEvents(state, item)];
}

/** How the writing down of it stands. */
function unheardEvents({ unheard }: Conversation, item: Item): readonly ServerEvent[] {
  const how = unheard.get(item.id);
  if (item.type !== 'message' || !how) return [];
  if (how.state === 'failed') {
    const { code, message } = how;
    const type = 'conversation.item.input_audio_transcription.failed';
    return [{ type, ...heardAddress(item), error: { type: 'server_error', code, message } }];
  }
  if (how.state === 'waiting' || how.delta === '') return [];
  const type = 'conversation.item.input_audio_transcription.delta';
  return [{ type, ...heardAddress(item), delta: how.delta }];
}

function isShown({ items }: Conversation, { conversation, itemId }: ActiveResponse): boolean {
  return conversation === 'auto' && itemId !== null && items.some(({ id }) => id === itemId);
}
