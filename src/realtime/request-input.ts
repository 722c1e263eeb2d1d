// What a response answers in place of the conversation: items that come with the request, and items of the conversation
// that it refers to. None of it becomes part of the conversation.
import type { ResponseInput } from '../wire/client-schema.ts';
import type { Item } from '../wire/items.ts';
import { againIfUnheard } from './hearing.ts';
import { refuseUncalled, spokenParts, toItem } from './items.ts';
import { withoutFillers } from './spoken.ts';
import type { Draft, RequestInput, ResponseRequest } from './state.ts';

/** Undefined when the client was told that some of it cannot be. */
export function requestInput(
  draft: Draft,
  given: readonly ResponseInput[],
  eventId: string | undefined,
): readonly RequestInput[] | undefined {
  const input: RequestInput[] = [];
  for (const [index, one] of given.entries()) {
    const entry = entryOf(draft, one, `response.input.${index}`, eventId);
    if (!entry) return undefined;
    input.push(entry);
  }
  const items = input.map(({ item }) => item);
  for (const [index, item] of items.entries()) {
    if (item.type !== 'function_call_output') continue;
    if (refuseUncalled(draft, item, items, `response.input.${index}`, eventId)) return undefined;
  }
  for (const { item, origin } of input) if (origin === 'conversation') againIfUnheard(draft, item.id);
  return input;
}

function entryOf(
  draft: Draft,
  given: ResponseInput,
  param: string,
  eventId: string | undefined,
): RequestInput | undefined {
  if (given.type === 'item_reference') {
    const item = withoutFillers(draft.state).find(({ id }) => id === given.id);
    if (item) return { origin: 'conversation', item };
    const message = `Error creating response: the item with id '${given.id}' does not exist.`;
    draft.error('invalid_value', message, { param: `${param}.id`, eventId });
    return undefined;
  }
  if (spokenParts(given).some(({ audio, transcript }) => audio && !transcript)) {
    const message =
      'Error creating response: audio in the input of a response is not heard. Create the item with conversation.item.create, and refer to it with an item_reference.';
    draft.error('invalid_value', message, { param: `${param}.content`, eventId });
    return undefined;
  }
  return { origin: 'given', item: toItem(given, given.id ?? draft.newId('item'), draft) };
}

/** As it is among these; what was deleted since, as it was. Null: the conversation. */
export function inputItems(items: readonly Item[], { input }: ResponseRequest): readonly Item[] | null {
  return input?.map(({ origin, item }) => (origin === 'given' ? item : (now(item, items) ?? item))) ?? null;
}

function now({ id }: Item, items: readonly Item[]): Item | undefined {
  return items.find((item) => item.id === id);
}
