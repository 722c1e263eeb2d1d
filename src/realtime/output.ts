// What a response sends, in the order that clients are written against: created, output_item.added, item.added,
// content_part.added, deltas, their dones, content_part.done, output_item.done, item.done, response.done. Everything
// that was added gets its done, also on cancel and failure.
import type { ContentPart, ItemStatus, MessageItem } from '../wire/items.ts';
import type { ResponseObject, ResponsePart } from '../wire/server-events.ts';
import type { Modality } from '../wire/session-config.ts';
import { addItem, finishItem } from './items.ts';
import type { ActiveResponse, Draft, SentChunk } from './state.ts';

export function output(draft: Draft, responseId: string, chunk: SentChunk): void {
  const active = draft.state.response;
  // Late output of a response that has ended is dropped: it must never reach the next one.
  if (active?.object.id !== responseId || !isHeard(chunk, active.modality)) return;
  const response = active.itemId ? active : showItem(draft, active);
  const address = addressOf(response);
  if (chunk.type === 'text') {
    draft.set({ response: { ...response, text: response.text + chunk.text } });
    const type =
      response.modality === 'audio' ? 'response.output_audio_transcript.delta' : 'response.output_text.delta';
    return draft.send({ type, ...address, delta: chunk.text });
  }
  draft.set({ response: { ...response, samples: response.samples + chunk.samples } });
  draft.send({ type: 'response.output_audio.delta', ...address, delta: chunk.audio });
}

function isHeard(chunk: SentChunk, modality: Modality): boolean {
  return chunk.type === 'text' ? chunk.text !== '' : modality === 'audio' && chunk.audio !== '';
}

export function outputEnded(draft: Draft, responseId: string): void {
  const active = draft.state.response;
  if (active?.object.id !== responseId) return;
  endResponse(draft, active, { status: 'completed', status_details: null });
}

export function outputFailed(draft: Draft, responseId: string, code: string, message: string): void {
  const active = draft.state.response;
  if (active?.object.id !== responseId) return;
  const error = { type: 'server_error', code, message };
  draft.do({ type: 'stop_response', responseId });
  endResponse(draft, active, { status: 'failed', status_details: { type: 'failed', error } });
}

export function endResponse(
  draft: Draft,
  response: ActiveResponse,
  end: Pick<ResponseObject, 'status' | 'status_details'>,
): void {
  const item = response.itemId
    ? hideItem(draft, response, end.status === 'completed' ? 'completed' : 'incomplete')
    : null;
  draft.set({ response: null });
  draft.send({ type: 'response.done', response: { ...response.object, ...end, output: item ? [item] : [] } });
}

/** The first output: the item appears. */
function showItem(draft: Draft, active: ActiveResponse): ActiveResponse {
  const response = { ...active, itemId: draft.newId('item') };
  draft.set({ response });
  const address = addressOf(response);
  const item = itemOf(response, 'in_progress', []);
  draft.send({ type: 'response.output_item.added', response_id: address.response_id, output_index: 0, item });
  addItem(draft, item, response.afterItemId);
  draft.send({ type: 'response.content_part.added', ...address, part: partOf(response) });
  return response;
}

/** The last output: everything that was added is done. */
function hideItem(draft: Draft, response: ActiveResponse, status: ItemStatus): MessageItem {
  const address = addressOf(response);
  if (response.modality === 'audio') {
    draft.send({ type: 'response.output_audio.done', ...address });
    draft.send({ type: 'response.output_audio_transcript.done', ...address, transcript: response.text });
  } else {
    draft.send({ type: 'response.output_text.done', ...address, text: response.text });
  }
  draft.send({ type: 'response.content_part.done', ...address, part: partOf(response) });
  const item = itemOf(response, status, [contentOf(response)]);
  draft.send({ type: 'response.output_item.done', response_id: address.response_id, output_index: 0, item });
  finishItem(draft, item, response.heardSamples ?? response.samples);
  return item;
}

function addressOf(response: ActiveResponse) {
  return {
    response_id: response.object.id,
    item_id: response.itemId ?? '',
    output_index: 0,
    content_index: 0,
  };
}

function itemOf(
  { itemId }: ActiveResponse,
  status: ItemStatus,
  content: readonly ContentPart[],
): MessageItem {
  return { id: itemId ?? '', object: 'realtime.item', type: 'message', status, role: 'assistant', content };
}

/** What was said beyond a cut is unknown to the listener: the text goes with it. */
function contentOf({ modality, text, samples, heardSamples }: ActiveResponse): ContentPart {
  if (modality === 'text') return { type: 'output_text', text };
  return { type: 'output_audio', transcript: (heardSamples ?? samples) < samples ? null : text };
}

function partOf({ modality, text }: ActiveResponse): ResponsePart {
  return modality === 'audio' ? { type: 'audio', transcript: text } : { type: 'text', text };
}
