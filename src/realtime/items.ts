// The conversation's items: made, put in place, shown, deleted. Every create and delete is answered at once, also in
// the lobby, and keeps the client's own item id: clients wait for exactly that.
import type { ClientEventOf, ClientItem } from '../wire/client-schema.ts';
import { type ContentPart, charsOf, type Item } from '../wire/items.ts';
import { hear, refuseUnheard } from './hearing.ts';
import { type SpokenAnswer, spokenPart } from './spoken.ts';
import type { Draft } from './state.ts';

const itemsMax = 2000;
/** Of the text of all items together. */
const textCharsMax = 16 * 1024 * 1024;

export function lastItemId(draft: Draft): string | null {
  return draft.state.items.at(-1)?.id ?? null;
}

/** Puts an item at the end, or after another one (null: at the beginning), and tells. One in progress is `done` later. */
export function addItem(draft: Draft, item: Item, afterItemId: string | null = lastItemId(draft)): void {
  const { items, itemChars } = draft.state;
  const index =
    afterItemId === lastItemId(draft) ? items.length : items.findIndex(({ id }) => id === afterItemId) + 1;
  draft.set({ items: items.toSpliced(index, 0, item), itemChars: itemChars + charsOf(item) });
  const event = { previous_item_id: afterItemId, item };
  draft.send({ type: 'conversation.item.added', ...event });
  if (item.status !== 'in_progress') draft.send({ type: 'conversation.item.done', ...event });
}

/** The final form of an answer that was added in progress, and what was spoken of it. */
export function finishItem(draft: Draft, item: Item, spoken?: SpokenAnswer): void {
  const { items } = draft.state;
  const index = items.findIndex(({ id }) => id === item.id);
  const before = items[index];
  // The client may have deleted it meanwhile; then there is nothing to finish.
  if (!before) return;
  replaceItem(draft, before, item);
  if (spoken && spoken.samples > 0)
    draft.set({ spoken: new Map(draft.state.spoken).set(item.id, spokenPart(spoken)) });
  draft.send({ type: 'conversation.item.done', previous_item_id: items[index - 1]?.id ?? null, item });
}

/** The same item, changed. */
export function replaceItem(draft: Draft, before: Item, item: Item): void {
  const { items, itemChars } = draft.state;
  draft.set({
    items: items.with(items.indexOf(before), item),
    itemChars: itemChars - charsOf(before) + charsOf(item),
  });
}

/** `audio` is what is spoken in it, as the shell has decoded it. */
export function createItem(
  draft: Draft,
  event: ClientEventOf<'conversation.item.create'>,
  audio: Int16Array | undefined,
): void {
  const { previous_item_id: previous, event_id: eventId } = event;
  const id = event.item.id ?? draft.newId('item');
  if (isTaken(draft, id)) {
    const message = `Error adding item: an item with id '${id}' already exists in the conversation.`;
    return draft.error('item_create_duplicate_item_id', message, { param: 'item.id', eventId });
  }
  if (previous && previous !== 'root' && !draft.state.items.some((other) => other.id === previous)) {
    const message = `Error adding item: the previous item with id '${previous}' does not exist.`;
    return draft.error('invalid_value', message, { param: 'previous_item_id', eventId });
  }
  if (
    event.item.type === 'function_call_output' &&
    refuseUncalled(draft, event.item, draft.state.items, 'item', eventId)
  )
    return;
  const spoken = spokenParts(event.item);
  if (spoken.length > 1 && spoken.some((part) => part.audio)) {
    const message = 'Error adding item: audio comes in one part of a message in this version of greenroom.';
    return draft.error('invalid_value', message, { param: 'item.content', eventId });
  }
  const silent = spoken.find((part) => part.audio && !part.transcript);
  if (silent && refuseUnheard(draft, 'item.content', eventId)) return;
  const item = toItem(event.item, id, draft);
  if (refuseFull(draft, charsOf(item), eventId)) return;
  if (audio?.length) draft.do({ type: 'keep_given_audio', itemId: id, audio });
  addItem(draft, item, previous === 'root' ? null : (previous ?? undefined));
  if (silent && audio?.length) hear(draft, id);
}

/** Ids of items that are announced, or still being made, are no more to be had than those of items that are there. */
function isTaken(draft: Draft, id: string): boolean {
  const { items, input, response, asides } = draft.state;
  const made = [response, ...asides].some((one) => one?.itemId === id);
  return made || input.turn?.itemId === id || items.some((item) => item.id === id);
}

/** Whether the client was told that nobody called the function whose result it gives. */
export function refuseUncalled(
  draft: Draft,
  { call_id: callId }: { readonly call_id: string },
  items: readonly Item[],
  param: string,
  eventId: string | undefined,
): boolean {
  if (items.some((item) => item.type === 'function_call' && item.call_id === callId)) return false;
  const message = `Tool call ID '${callId}' not found in conversation.`;
  draft.error('invalid_tool_call_id', message, { param: `${param}.call_id`, eventId });
  return true;
}

/** A client must not fill our memory: whether it was told that there is no room for one more item. */
export function refuseFull(draft: Draft, chars: number, eventId: string | undefined): boolean {
  if (!refusesMore(draft, chars)) return false;
  const message = `The conversation holds ${itemsMax} items and ${textCharsMax} characters at most: delete some.`;
  draft.error('conversation_full', message, { eventId });
  return true;
}

/** Whether there is no room for one more item with so much text. */
export function refusesMore({ state }: Draft, chars: number): boolean {
  return state.items.length >= itemsMax || state.itemChars + chars > textCharsMax;
}

export function spokenParts(item: ClientItem) {
  if (item.type !== 'message' || item.role !== 'user') return [];
  return item.content.filter((part) => part.type === 'input_audio');
}

export function toItem(given: ClientItem, id: string, draft: Draft): Item {
  const status = given.status === 'incomplete' ? given.status : 'completed';
  const head = { id, object: 'realtime.item', status } as const;
  switch (given.type) {
    case 'message':
      return { ...head, type: 'message', role: given.role, content: given.content.map(toPart) };
    case 'function_call': {
      const { name, arguments: args, call_id: callId } = given;
      return {
        ...head,
        type: 'function_call',
        call_id: callId ?? draft.newId('call'),
        name,
        arguments: args,
      };
    }
    case 'function_call_output':
      return { ...head, type: 'function_call_output', call_id: given.call_id, output: given.output };
  }
}

function toPart(part: Extract<ClientItem, { type: 'message' }>['content'][number]): ContentPart {
  if ('text' in part) return part;
  return { type: part.type, transcript: part.transcript ?? null };
}

export function retrieveItem(draft: Draft, event: ClientEventOf<'conversation.item.retrieve'>): void {
  const item = findItem(draft, 'retrieve', event);
  if (item) draft.do({ type: 'send_retrieved', item });
}

export function deleteItem(draft: Draft, event: ClientEventOf<'conversation.item.delete'>): void {
  const item = findItem(draft, 'delete', event);
  if (!item) return;
  const { items, itemChars, spoken, unheard, response } = draft.state;
  const index = items.indexOf(item);
  draft.set({
    items: items.toSpliced(index, 1),
    itemChars: itemChars - charsOf(item),
    spoken: without(spoken, item.id),
    unheard: without(unheard, item.id),
  });
  // An answer that has not appeared yet stands after the one before, then.
  if (response?.afterItemId === item.id) {
    draft.set({ response: { ...response, afterItemId: items[index - 1]?.id ?? null } });
  }
  draft.do({ type: 'forget_item', itemId: item.id });
  draft.send({ type: 'conversation.item.deleted', item_id: item.id });
}

function without<Value>(map: ReadonlyMap<string, Value>, key: string): ReadonlyMap<string, Value> {
  return new Map([...map].filter(([other]) => other !== key));
}

/** The item; or none, and the client was told. */
export function findItem(
  draft: Draft,
  verb: 'retrieve' | 'delete' | 'truncate',
  {
    item_id: itemId,
    event_id: eventId,
  }: { readonly item_id: string; readonly event_id?: string | undefined },
): Item | undefined {
  const item = draft.state.items.find(({ id }) => id === itemId);
  if (item) return item;
  // In OpenAI's words: clients know them.
  const doing = { retrieve: 'retrieving', delete: 'deleting', truncate: 'truncating' }[verb];
  const message = `Error ${doing} item: the item with id '${itemId}' does not exist.`;
  draft.error(`item_${verb}_invalid_item_id`, message, { param: 'item_id', eventId });
  return undefined;
}
