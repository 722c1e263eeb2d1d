// What a caller that has come back is to know of a bridged call before anything else, as far as the bridge knows it:
// what was said and called, with its texts. Items of kinds that a transcript does not have are not told again. Pure.
import type { JsonObject } from '../wire/json.ts';
import { shownBefore } from './items.ts';
import { responseObject } from './responses.ts';
import type { BridgeState, KnownItem } from './state.ts';

export function replay(state: BridgeState): readonly JsonObject[] {
  const { conversationId, session, items, answering, asidesAnswering } = state;
  const conversation = { id: conversationId, object: 'realtime.conversation' };
  const asides = [...asidesAnswering].map((id) => ({ ...begun(state, id), conversation_id: null }));
  const running = answering ? [begun(state, answering.id), ...asides] : asides;
  return [
    { type: 'session.created', session },
    { type: 'conversation.created', conversation },
    ...running.map((response) => ({ type: 'response.created', response })),
    ...items.flatMap((known) => itemEvents(state, known)),
  ];
}

const begun = (state: BridgeState, id: string): JsonObject => responseObject(state, id, 'in_progress', null);

function itemEvents(state: BridgeState, { item, shown }: KnownItem): readonly JsonObject[] {
  if (!item || shown === 'no') return [];
  const { items, answering, partial } = state;
  const before = items[items.findLastIndex(({ id }) => id === item.id) - 1]?.id ?? null;
  const event = { previous_item_id: shownBefore(state, before), item: { ...item } };
  const added = { type: 'conversation.item.added', ...event };
  if (item.status !== 'in_progress') return [added, { type: 'conversation.item.done', ...event }];
  if (!answering || item.type !== 'message') return [added];
  // Which of its outputs it is, upstream alone knows.
  const place = { response_id: answering.id, output_index: 0 };
  const address = { ...place, item_id: item.id, content_index: 0 };
  const said = partial.itemId === item.id ? partial.text : '';
  const speaks = !item.content.some(({ type }) => type === 'output_text');
  const part = speaks ? { type: 'audio', transcript: '' } : { type: 'text', text: '' };
  const type = speaks ? 'response.output_audio_transcript.delta' : 'response.output_text.delta';
  return [
    { type: 'response.output_item.added', ...place, item: event.item },
    added,
    { type: 'response.content_part.added', ...address, part },
    ...(said === '' ? [] : [{ type, ...address, delta: said }]),
  ];
}
