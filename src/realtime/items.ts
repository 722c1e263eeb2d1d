// The conversation's items: made, put in place, shown, shortened, deleted. Every create and delete is answered at
// once, also in the lobby, and keeps the client's own item id: clients wait for exactly that.
import type { ClientEvent, ClientItem } from '../wire/client-events.ts';
import type { ContentPart, Item } from '../wire/items.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import type { Draft } from './state.ts';

type Event<T extends ClientEvent['type']> = Extract<ClientEvent, { type: T }>;

const itemsMax = 10_000;

export function lastItemId(draft: Draft): string | null {
  return draft.state.items.at(-1)?.id ?? null;
}

/** Puts an item at the end, or after another one, and tells. An item in progress is `done` later. */
export function addItem(draft: Draft, item: Item, afterItemId: string | null = lastItemId(draft)): void {
  const index = draft.state.items.findIndex(({ id }) => id === afterItemId);
  insertItem(draft, item, index === -1 && afterItemId !== null ? draft.state.items.length : index + 1);
}

function insertItem(draft: Draft, item: Item, index: number): void {
  const { items } = draft.state;
  const previous = items[index - 1]?.id ?? null;
  draft.set({ items: [...items.slice(0, index), item, ...items.slice(index)] });
  draft.send({ type: 'conversation.item.added', previous_item_id: previous, item });
  if (item.status !== 'in_progress')
    draft.send({ type: 'conversation.item.done', previous_item_id: previous, item });
}

/** The final form of an item that was added in progress. */
export function finishItem(draft: Draft, item: Item): void {
  const { items } = draft.state;
  const index = items.findIndex(({ id }) => id === item.id);
  // The client may have deleted it meanwhile; then there is nothing to finish.
  if (index === -1) return;
  draft.set({ items: items.with(index, item) });
  draft.send({ type: 'conversation.item.done', previous_item_id: items[index - 1]?.id ?? null, item });
}

export function createItem(draft: Draft, event: Event<'conversation.item.create'>): void {
  const { items } = draft.state;
  const eventId = event.event_id;
  const id = event.item.id ?? draft.newId('item');
  if (items.some((item) => item.id === id)) {
    const message = `Error adding item: an item with id '${id}' already exists in the conversation.`;
    return draft.error('item_create_duplicate_item_id', message, { param: 'item.id', eventId });
  }
  if (items.length >= itemsMax) {
    return draft.error('conversation_full', `the conversation holds ${itemsMax} items at most`, { eventId });
  }
  const index = placeOf(draft, event.previous_item_id);
  if (index === null) {
    const message = `Error adding item: the previous item with id '${event.previous_item_id}' does not exist.`;
    return draft.error('invalid_value', message, { param: 'previous_item_id', eventId });
  }
  for (const part of event.item.type === 'message' ? event.item.content : []) {
    if (part.type === 'input_audio' && part.audio)
      draft.do({ type: 'keep_given_audio', itemId: id, audio: part.audio });
  }
  insertItem(draft, toItem(event.item, id, draft), index);
}

function placeOf(draft: Draft, previous: string | null | undefined): number | null {
  const { items } = draft.state;
  if (!previous) return items.length;
  if (previous === 'root') return 0;
  const index = items.findIndex(({ id }) => id === previous);
  return index === -1 ? null : index + 1;
}

function toItem(given: ClientItem, id: string, draft: Draft): Item {
  const head = { id, object: 'realtime.item', status: 'completed' } as const;
  if (given.type === 'message') {
    return { ...head, type: 'message', role: given.role, content: given.content.map(toPart) };
  }
  if (given.type === 'function_call') {
    const { name, arguments: args } = given;
    return {
      ...head,
      type: 'function_call',
      call_id: given.call_id ?? draft.newId('call'),
      name,
      arguments: args,
    };
  }
  return { ...head, type: 'function_call_output', call_id: given.call_id, output: given.output };
}

function toPart(part: Extract<ClientItem, { type: 'message' }>['content'][number]): ContentPart {
  switch (part.type) {
    case 'input_audio':
    case 'output_audio':
      return { type: part.type, transcript: part.transcript ?? null };
    case 'input_image':
      return { type: part.type, image_url: part.image_url, ...(part.detail && { detail: part.detail }) };
    default:
      return part;
  }
}

export function retrieveItem(draft: Draft, event: Event<'conversation.item.retrieve'>): void {
  const item = find(draft, event.item_id, 'item_retrieve_invalid_item_id', event.event_id);
  if (item) draft.do({ type: 'send_retrieved', item });
}

export function deleteItem(draft: Draft, event: Event<'conversation.item.delete'>): void {
  const item = find(draft, event.item_id, 'item_delete_invalid_item_id', event.event_id);
  if (!item) return;
  const spokenSamples = new Map(draft.state.spokenSamples);
  spokenSamples.delete(item.id);
  draft.set({ items: draft.state.items.filter(({ id }) => id !== item.id), spokenSamples });
  draft.do({ type: 'forget_item', itemId: item.id });
  draft.send({ type: 'conversation.item.deleted', item_id: item.id });
}

/** Clients ask for a little more than there is all the time: the end is clamped, not refused. */
export function truncateItem(draft: Draft, event: Event<'conversation.item.truncate'>): void {
  const eventId = event.event_id;
  const item = find(draft, event.item_id, 'item_truncate_invalid_item_id', eventId);
  if (!item) return;
  const part =
    item.type === 'message' && item.role === 'assistant' ? item.content[event.content_index] : undefined;
  if (item.type !== 'message' || part?.type !== 'output_audio') {
    return draft.error('unsupported_content_type', 'Only model output audio messages can be truncated', {
      param: 'item_id',
      eventId,
    });
  }
  const { response } = draft.state;
  const samples =
    response?.itemId === item.id ? response.samples : (draft.state.spokenSamples.get(item.id) ?? 0);
  const heldMs = Math.floor((samples * 1000) / sessionRateHz);
  const audioEndMs = Math.min(Math.floor(event.audio_end_ms), heldMs);
  const keptSamples = Math.floor((audioEndMs * sessionRateHz) / 1000);
  const spokenSamples = new Map(draft.state.spokenSamples).set(item.id, keptSamples);
  // What was said beyond the cut is unknown to the listener: the text goes with it.
  const content = item.content.with(event.content_index, { type: 'output_audio', transcript: null });
  const items = draft.state.items.map((other) => (other.id === item.id ? { ...item, content } : other));
  draft.set({ items, spokenSamples });
  draft.send({
    type: 'conversation.item.truncated',
    item_id: item.id,
    content_index: event.content_index,
    audio_end_ms: audioEndMs,
  });
}

function find(draft: Draft, itemId: string, code: string, eventId: string | undefined): Item | undefined {
  const item = draft.state.items.find(({ id }) => id === itemId);
  if (!item) draft.error(code, `Item with item_id '${itemId}' not found.`, { param: 'item_id', eventId });
  return item;
}
