// What the caller of a bridged call sends: forwarded as it came, unless a rule of upstream's would be broken by it.
import { type JsonObject, numberAt, objectAt, textAt } from '../wire/json.ts';
import { bytesOf } from './audio-frames.ts';
import { type BridgeDraft, heldCharsMin, ownText } from './draft.ts';
import { audioMsOf, bytesPerMs, changeItem, dropItem, knownItem, putItem, recordItem } from './items.ts';
import { cancelResponse, createResponse } from './responses.ts';
import { updateSession } from './session.ts';
import { commitKey, itemKey, type KnownItem, type UpText } from './state.ts';

export function fromCaller(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  switch (event['type']) {
    case 'session.update':
      return updateSession(draft, event, text);
    case 'response.create':
      return createResponse(draft, event, text);
    case 'response.cancel':
      return cancelResponse(draft, event);
    case 'input_audio_buffer.append':
      return appendAudio(draft, text, bytesOf(textAt(event, 'audio') ?? ''));
    case 'input_audio_buffer.commit':
      return commitAudio(draft, event, text);
    case 'input_audio_buffer.clear':
      return clearAudio(draft, event, text);
    case 'conversation.item.create':
      return createItem(draft, event, text);
    case 'conversation.item.retrieve':
      return retrieveItem(draft, event, text);
    case 'conversation.item.delete':
      return deleteItem(draft, event, text);
    case 'conversation.item.truncate':
      return truncateItem(draft, event, text);
    default:
      // Unknown here is not unknown upstream.
      draft.up(text, { eventId: textAt(event, 'event_id') ?? null });
  }
}

export function appendAudio(draft: BridgeDraft, text: UpText, bytes: number): void {
  const { input, session } = draft.state;
  if (input.buffer === 'empty' || input.heard === 'never')
    draft.set({ input: { ...input, buffer: 'filled', heard: 'once' } });
  if (!draft.lobby) return draft.do({ type: 'to_upstream', text });
  const ms = bytes / bytesPerMs(objectAt(session, 'audio', 'input')?.['format']);
  draft.do({ type: 'hold', text: ownText(text), key: null, ms, bytes: Math.max(text.length, heldCharsMin) });
}

/** Empty for certain: nothing was appended since the last commit or clear. Else upstream knows. */
function commitAudio(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  const { input } = draft.state;
  const eventId = textAt(event, 'event_id') ?? null;
  if (input.buffer === 'empty') {
    const message =
      'Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has 0.00ms of audio.';
    return draft.error('input_audio_buffer_commit_empty', message, { eventId });
  }
  if (draft.up(text, { key: commitKey, eventId })) draft.set({ input: { ...input, buffer: 'empty' } });
}

function clearAudio(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  const { input } = draft.state;
  draft.set({ input: { ...input, buffer: 'empty' } });
  if (!draft.lobby) return void draft.up(text, { eventId: textAt(event, 'event_id') ?? null });
  draft.do({ type: 'drop_held', what: 'audio' });
  draft.tell({ type: 'input_audio_buffer.cleared' });
}

/** In the lobby it is answered at once, with the id that it will have upstream: clients wait five seconds for that. */
function createItem(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  const item = objectAt(event, 'item');
  const eventId = textAt(event, 'event_id') ?? null;
  const previous = textAt(event, 'previous_item_id');
  if (previous !== undefined && previous !== 'root' && !knownItem(draft.state, previous)) {
    const message = `Error adding item: the previous item with id '${previous}' does not exist.`;
    return draft.error('invalid_value', message, { param: 'previous_item_id', eventId });
  }
  const afterId = previous === 'root' ? null : previous;
  const place = afterId === undefined ? {} : { afterId };
  if (!item || typeof item['type'] !== 'string') return void draft.up(text, { eventId });
  const given = textAt(item, 'id');
  if (!draft.lobby) {
    if (draft.up(text, { eventId }) && given !== undefined && !knownItem(draft.state, given))
      putItem(draft, item, place);
    return;
  }
  const id = given ?? draft.newId('item');
  if (knownItem(draft.state, id)) {
    const message = `Error adding item: an item with id '${id}' already exists in the conversation.`;
    return draft.error('item_create_duplicate_item_id', message, { param: 'item.id', eventId });
  }
  const whole = { ...item, id };
  const sent = given === undefined ? JSON.stringify({ ...event, item: whole }) : text;
  if (!draft.up(sent, { key: itemKey(id), eventId, charsMin: text.length })) return;
  const known = putItem(draft, whole, place);
  draft.set({ answered: new Set([...draft.state.answered, id]) });
  const shown = known?.item ?? whole;
  const items = draft.state.items.map((other) => other.id);
  const previousId = items[items.indexOf(id) - 1] ?? null;
  for (const stage of ['added', 'done'])
    draft.tell({ type: `conversation.item.${stage}`, previous_item_id: previousId, item: shown });
  if (!known) return;
  recordItem(draft, known, 'added');
  recordItem(draft, known, 'done');
}

/** The item that is meant; or none, and the caller was told. */
function meant(draft: BridgeDraft, event: JsonObject, verb: string): KnownItem | undefined {
  const id = textAt(event, 'item_id') ?? '';
  const known = knownItem(draft.state, id);
  if (known?.shown === 'yes') return known;
  const eventId = textAt(event, 'event_id') ?? null;
  const message = `Item with item_id '${id}' not found.`;
  draft.error(`item_${verb}_invalid_item_id`, message, { param: 'item_id', eventId });
  return undefined;
}

function retrieveItem(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  const known = meant(draft, event, 'retrieve');
  if (!known) return;
  if (draft.lobby)
    return draft.tell({ type: 'conversation.item.retrieved', item: known.item ?? { id: known.id } });
  draft.up(text);
}

function deleteItem(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  const known = meant(draft, event, 'delete');
  if (!known) return;
  dropItem(draft, known.id, draft.lobby ? 'gone' : 'asked');
  if (!draft.lobby) return void draft.up(text);
  // Upstream need not know that there ever was one.
  draft.set({ answered: new Set([...draft.state.answered].filter((id) => id !== known.id)) });
  draft.do({ type: 'drop_held', what: { key: itemKey(known.id) } });
  draft.tell({ type: 'conversation.item.deleted', item_id: known.id });
  draft.do({ type: 'record', event: { type: 'conversation.item.deleted', item_id: known.id } });
}

/** Clients ask for a little more than there is all the time, and upstream refuses that: no more than was received. */
function truncateItem(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  const known = meant(draft, event, 'truncate');
  if (!known) return;
  const eventId = textAt(event, 'event_id') ?? null;
  const heldMs = Math.floor(Math.min(audioMsOf(draft.state, known), known.cutMs ?? Number.POSITIVE_INFINITY));
  const { item } = known;
  const spoken =
    heldMs > 0 || (item?.type === 'message' && item.content.some(({ type }) => type === 'output_audio'));
  if (item?.type !== 'message' || item.role !== 'assistant' || (!spoken && item.status !== 'in_progress')) {
    const message = 'Only model output audio messages can be truncated';
    return draft.error('unsupported_content_type', message, { param: 'item_id', eventId });
  }
  const askedMs = numberAt(event, 'audio_end_ms');
  if (askedMs === undefined) return void draft.up(text, { eventId });
  const endMs = Math.max(0, Math.min(Math.floor(askedMs), heldMs));
  const truncated = {
    ...{ type: 'conversation.item.truncated', item_id: known.id },
    ...{ content_index: numberAt(event, 'content_index') ?? 0, audio_end_ms: endMs },
  } as const;
  // Nothing was received that could be cut, or nothing is cut.
  if (heldMs === 0) return draft.tell(truncated);
  if (!draft.up(endMs === askedMs ? text : JSON.stringify({ ...event, audio_end_ms: endMs }), { eventId }))
    return;
  changeItem(draft, known, { cutMs: endMs });
}
