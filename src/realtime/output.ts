// What a response sends, in the order that clients are written against: created, output_item.added, item.added,
// content_part.added, deltas, their dones, content_part.done, output_item.done, item.done, response.done. Everything
// that was added gets its done, also on cancel and failure.
import type { ContentPart, Item, ItemStatus, MessageItem } from '../wire/items.ts';
import type { ResponseObject, ResponsePart, ServerEvent } from '../wire/server-events.ts';
import type { Modality } from '../wire/session-config.ts';
import type { CallChunk, SentChunk } from './chunks.ts';
import { armIdle } from './idle.ts';
import { addItem, finishItem } from './items.ts';
import { sourceNotice } from './source.ts';
import { nothingSpoken, textHeard, withAudio } from './spoken.ts';
import type { ActiveResponse, Draft } from './state.ts';
import { dropUnderWay, keepUnderWay, underWay } from './under-way.ts';

type HeardChunk = Extract<SentChunk, { type: 'text' | 'audio' }>;

export function output(draft: Draft, responseId: string, chunk: SentChunk, atMs?: number): void {
  const active = underWay(draft.state, responseId);
  if (!active) return;
  switch (chunk.type) {
    case 'call':
      return functionCall(draft, active, chunk);
    case 'source':
      return draft.send(sourceNotice(responseId, chunk.source));
    case 'said':
      return keepUnderWay(draft, { ...active, last: 'whole' });
    case 'ending':
      return keepUnderWay(draft, { ...active, ending: chunk });
    default:
      if (isHeard(chunk, active.modality)) said(draft, active, chunk, atMs);
  }
}

function said(draft: Draft, active: ActiveResponse, chunk: HeardChunk, atMs: number | undefined): void {
  const response = active.itemId ? active : showItem(draft, active);
  const address = addressOf(response);
  if (chunk.type === 'text') {
    const { text, samples } = response;
    // What has no speech of its own is of one piece with what follows.
    const begins = response.pieces.at(-1)?.fromSample !== samples;
    const piece = { fromChar: text.length, fromSample: samples, ...(chunk.part && { part: chunk.part }) };
    const pieces = begins ? [...response.pieces, piece] : response.pieces;
    const last = chunk.part ? 'cut' : 'whole';
    keepUnderWay(draft, { ...response, text: text + chunk.text, pieces, last });
    return draft.send({ type: textDelta(response.modality), ...address, delta: chunk.text });
  }
  keepUnderWay(draft, withAudio(response, chunk.samples, atMs));
  draft.send({ type: 'response.output_audio.delta', ...address, delta: chunk.audio });
}

function isHeard(chunk: HeardChunk, modality: Modality): boolean {
  return chunk.type === 'text' ? chunk.text !== '' : modality === 'audio' && chunk.audio !== '';
}

export function outputEnded(draft: Draft, responseId: string): void {
  const active = underWay(draft.state, responseId);
  if (!active) return;
  const cutBy = active.ending?.cutBy;
  if (!cutBy) return endResponse(draft, active, { status: 'completed', status_details: null });
  endResponse(draft, active, {
    status: 'incomplete',
    status_details: { type: 'incomplete', reason: cutBy },
  });
}

export function outputFailed(draft: Draft, responseId: string, code: string, message: string): void {
  const active = underWay(draft.state, responseId);
  if (!active) return;
  draft.do({ type: 'stop_response', responseId });
  failResponse(draft, active, code, message);
}

export function failResponse(draft: Draft, response: ActiveResponse, code: string, message: string): void {
  const error = { type: 'server_error', code, message };
  endResponse(draft, response, { status: 'failed', status_details: { type: 'failed', error } });
}

export function endResponse(
  draft: Draft,
  response: ActiveResponse,
  end: Pick<ResponseObject, 'status' | 'status_details'>,
): void {
  // What ended by itself has been spoken to its end; what was cut was so where its last piece was.
  const cut = end.status === 'cancelled' || end.status === 'failed';
  const spoken: ActiveResponse = cut ? response : { ...response, last: 'whole' };
  const ended = spoken.itemId
    ? hideItem(draft, spoken, end.status === 'completed' ? 'completed' : 'incomplete')
    : spoken;
  const { done, ending } = ended;
  dropUnderWay(draft, ended);
  armIdle(draft, ended, end);
  const usage = ending?.usage ?? null;
  draft.send({ type: 'response.done', response: { ...response.object, ...end, output: done, usage } });
}

/** What the client is to call: an item of its own, after what was said before. Engines give it in one piece. */
function functionCall(draft: Draft, active: ActiveResponse, chunk: CallChunk): void {
  // Not every engine knows `parallel_tool_calls`; a client that asked for one call has no use for two.
  if (active.calls === 'one' && active.done.some(({ type }) => type === 'function_call')) return;
  const response = active.itemId ? hideItem(draft, { ...active, last: 'whole' }, 'completed') : active;
  const id = draft.newId('item');
  const { name, arguments: written } = chunk;
  const callId = isCallTaken(draft, response, chunk.callId) ? draft.newId('call') : chunk.callId;
  const shown = (status: ItemStatus, args: string): Item => ({
    ...{ id, object: 'realtime.item', type: 'function_call', status },
    ...{ call_id: callId, name, arguments: args },
  });
  const place = placeOf(response);
  const address = { ...place, item_id: id, call_id: callId };
  draft.send({ type: 'response.output_item.added', ...place, item: shown('in_progress', '') });
  join(draft, response, shown('in_progress', ''));
  if (written !== '')
    draft.send({ type: 'response.function_call_arguments.delta', ...address, delta: written });
  draft.send({ type: 'response.function_call_arguments.done', ...address, name, arguments: written });
  const item = shown('completed', written);
  draft.send({ type: 'response.output_item.done', ...place, item });
  if (response.conversation === 'auto') finishItem(draft, item);
  after(draft, response, item);
}

/** Some engines count their calls from nought in every answer; a client tells them apart by this alone. */
function isCallTaken({ state }: Draft, { done }: ActiveResponse, callId: string): boolean {
  return [...state.items, ...done].some((item) => item.type === 'function_call' && item.call_id === callId);
}

/** The first output of a message: the item appears. */
function showItem(draft: Draft, active: ActiveResponse): ActiveResponse {
  const response = { ...active, itemId: draft.newId('item') };
  keepUnderWay(draft, response);
  const address = addressOf(response);
  const item = itemOf(response, 'in_progress', []);
  draft.send({ type: 'response.output_item.added', ...placeOf(response), item });
  join(draft, response, item);
  draft.send({ type: 'response.content_part.added', ...address, part: partOf(response) });
  return response;
}

/**
 * A response under way, to somebody who has heard nothing of it: as it would have begun, with its text so far in one
 * delta. `added`: what is told of its item in the conversation.
 */
export function responseShown(
  response: ActiveResponse,
  added: readonly ServerEvent[],
): readonly ServerEvent[] {
  const { object, itemId, modality, text, done } = response;
  const created: ServerEvent = { type: 'response.created', response: { ...object, output: done } };
  if (itemId === null) return [created];
  const address = addressOf(response);
  const item = itemOf(response, 'in_progress', []);
  const part = partOf({ modality, text: '' });
  const delta = { type: textDelta(modality), ...address, delta: text };
  return [
    created,
    { type: 'response.output_item.added', ...placeOf(response), item },
    ...added,
    { type: 'response.content_part.added', ...address, part },
    ...(text === '' ? [] : [delta]),
  ];
}

function textDelta(
  modality: Modality,
): 'response.output_audio_transcript.delta' | 'response.output_text.delta' {
  return modality === 'audio' ? 'response.output_audio_transcript.delta' : 'response.output_text.delta';
}

/** The item becomes one of the conversation, where its response belongs to it. */
function join(draft: Draft, { conversation, afterItemId }: ActiveResponse, item: Item): void {
  if (conversation === 'auto') addItem(draft, item, afterItemId);
}

/** The last output of a message: everything that was added is done. */
function hideItem(draft: Draft, response: ActiveResponse, status: ItemStatus): ActiveResponse {
  const address = addressOf(response);
  if (response.modality === 'audio') {
    draft.send({ type: 'response.output_audio.done', ...address });
    draft.send({ type: 'response.output_audio_transcript.done', ...address, transcript: response.text });
  } else {
    draft.send({ type: 'response.output_text.done', ...address, text: response.text });
  }
  draft.send({ type: 'response.content_part.done', ...address, part: partOf(response) });
  const item = itemOf(response, status, [contentOf(response)]);
  draft.send({ type: 'response.output_item.done', ...placeOf(response), item });
  if (response.conversation === 'auto') finishItem(draft, item, response);
  return after(draft, response, item);
}

/** With one item more that is complete; what comes stands behind it, unless the client has deleted it. */
function after(draft: Draft, response: ActiveResponse, item: Item): ActiveResponse {
  const there = draft.state.items.some(({ id }) => id === item.id);
  const changed: ActiveResponse = {
    ...{ ...response, ...nothingSpoken, done: [...response.done, item], itemId: null },
    afterItemId: there ? item.id : response.afterItemId,
    doneSamples: response.doneSamples + response.samples,
  };
  keepUnderWay(draft, changed);
  return changed;
}

function placeOf({ object, done }: ActiveResponse) {
  return { response_id: object.id, output_index: done.length };
}

function addressOf(response: ActiveResponse) {
  return { ...placeOf(response), item_id: response.itemId ?? '', content_index: 0 };
}

function itemOf(
  { itemId }: ActiveResponse,
  status: ItemStatus,
  content: readonly ContentPart[],
): MessageItem {
  return { id: itemId ?? '', object: 'realtime.item', type: 'message', status, role: 'assistant', content };
}

/** What was said beyond a cut is unknown to the listener: its text goes with it. */
function contentOf(response: ActiveResponse): ContentPart {
  const { modality, text } = response;
  if (modality === 'text') return { type: 'output_text', text };
  return { type: 'output_audio', transcript: textHeard(response) };
}

function partOf({ modality, text }: Pick<ActiveResponse, 'modality' | 'text'>): ResponsePart {
  return modality === 'audio' ? { type: 'audio', transcript: text } : { type: 'text', text };
}
