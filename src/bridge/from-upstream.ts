// What upstream sends: passed on as it came, unless the caller must not see it, or would see it in words of ours.
import { type JsonObject, numberAt, objectAt, textAt } from '../wire/json.ts';
import { bytesOf } from './audio-frames.ts';
import { isDoneAgain } from './done-once.ts';
import type { BridgeDraft } from './draft.ts';
import {
  aboutHeard,
  audioMsOf,
  changeItem,
  dropItem,
  heardAudio,
  knownItem,
  putItem,
  recordItem,
  shownBefore,
  withText,
} from './items.ts';
import { askedFailed, responseCreated, responseDone, responseSays } from './responses.ts';
import { heardTurn, sessionCreated, sessionUpdated } from './session.ts';
import { callTool, isOurs } from './tools.ts';
import { voiceRefused } from './voice.ts';

export function fromUpstream(draft: BridgeDraft, event: JsonObject, text: string): void {
  const type = textAt(event, 'type');
  // Before its session is there, upstream has nothing to say but why it is not.
  if (draft.lobby && type !== 'session.created' && type !== 'error') return;
  switch (type) {
    case 'session.created':
      return sessionCreated(draft, event);
    case 'session.updated':
      return sessionUpdated(draft, event);
    case 'conversation.created':
      // The caller has one, from the lobby.
      return;
    case 'response.created':
      return responseCreated(draft, event, text);
    case 'response.done':
      if (isDoneAgain(draft, event)) return;
      return responseDone(draft, event, text);
    case 'error':
      return failed(draft, event, text);
    case 'conversation.item.added':
    case 'conversation.item.created':
    case 'conversation.item.done':
    case 'response.output_item.added':
    case 'response.output_item.done':
      return itemTold(draft, event, text);
    case 'conversation.item.deleted':
      return itemDeleted(draft, event, text);
    case 'conversation.item.truncated':
      return itemTruncated(draft, event, text);
    case 'conversation.item.input_audio_transcription.completed':
      transcribed(draft, event);
      return draft.do({ type: 'pass', text });
    case 'response.output_audio.delta':
      heardAudio(draft, textAt(event, 'item_id') ?? '', bytesOf(textAt(event, 'delta') ?? ''));
      return draft.do({ type: 'pass', text });
    case 'response.output_audio_transcript.delta':
    case 'response.output_text.delta':
      said(draft, textAt(event, 'item_id') ?? '', textAt(event, 'delta') ?? '');
      return draft.do({ type: 'pass', text });
    case 'input_audio_buffer.committed':
      heardTurn(draft, 'none');
      return passItemEvent(draft, event, text);
    case 'input_audio_buffer.speech_started':
    case 'input_audio_buffer.speech_stopped':
    case 'input_audio_buffer.cleared':
      heardTurn(draft, type === 'input_audio_buffer.speech_started' ? 'speaking' : 'none');
      return draft.do({ type: 'pass', text });
    default:
      // Parts and arguments of a call that the caller does not see.
      if (isHidden(draft, textAt(event, 'item_id'))) return;
      return draft.do({ type: 'pass', text });
  }
}

const isHidden = ({ state }: BridgeDraft, id: string | undefined): boolean =>
  id !== undefined && knownItem(state, id)?.shown === 'no';

function itemTold(draft: BridgeDraft, event: JsonObject, text: string): void {
  const item = objectAt(event, 'item');
  const id = textAt(item, 'id');
  if (!item || id === undefined) return draft.do({ type: 'pass', text });
  const type = textAt(event, 'type') ?? '';
  const ofResponse = type.startsWith('response.');
  const wasHidden = isHidden(draft, id);
  const hidden = wasHidden || isOurs(draft.state, event);
  const { answered } = draft.state;
  if (answered.has(id) && !ofResponse) {
    // It was told in the lobby.
    if (type.endsWith('.done'))
      draft.set({ answered: new Set([...answered].filter((other) => other !== id)) });
    return;
  }
  const previous = event['previous_item_id'];
  const place =
    ofResponse || previous === undefined ? {} : { afterId: typeof previous === 'string' ? previous : null };
  const known = putItem(draft, item, { ...place, ...(hidden && { shown: 'no' as const }) });
  if (hidden) {
    if (known && known.shown === 'yes') changeItem(draft, known, { shown: 'no' });
    if (type === 'response.output_item.done' && item['type'] === 'function_call') callTool(draft, item);
    return;
  }
  if (ofResponse) responseSays(draft, textAt(event, 'response_id'));
  if (known && !ofResponse) recordItem(draft, known, type.endsWith('.done') ? 'done' : 'added');
  if (type.endsWith('.done') && draft.state.partial.itemId === id && !ofResponse)
    draft.set({ partial: { itemId: '', text: '' } });
  passItemEvent(draft, event, text);
}

/** With the place as the caller knows it. */
function passItemEvent(draft: BridgeDraft, event: JsonObject, text: string): void {
  const previous = textAt(event, 'previous_item_id') ?? null;
  const shown = shownBefore(draft.state, previous);
  if (shown === previous) return draft.do({ type: 'pass', text });
  draft.tell({ ...event, previous_item_id: shown });
}

function itemDeleted(draft: BridgeDraft, event: JsonObject, text: string): void {
  const id = textAt(event, 'item_id') ?? '';
  const hidden = isHidden(draft, id);
  dropItem(draft, id, 'gone');
  if (hidden) return;
  draft.do({ type: 'record', event: { type: 'conversation.item.deleted', item_id: id } });
  draft.do({ type: 'pass', text });
}

/** Upstream does not say what was heard: about as much of the words as of the audio. */
function itemTruncated(draft: BridgeDraft, event: JsonObject, text: string): void {
  const id = textAt(event, 'item_id') ?? '';
  const endMs = numberAt(event, 'audio_end_ms') ?? 0;
  const known = knownItem(draft.state, id);
  if (known?.item?.type === 'message') {
    const wholeMs = audioMsOf(draft.state, known);
    const content = known.item.content.map((part) =>
      part.type === 'output_audio' && part.transcript !== null
        ? { ...part, transcript: aboutHeard(part.transcript, endMs, wholeMs) || null }
        : part,
    );
    changeItem(draft, known, { item: { ...known.item, content } });
  }
  const index = numberAt(event, 'content_index') ?? 0;
  const record = { type: 'conversation.item.truncated', item_id: id, content_index: index } as const;
  draft.do({ type: 'record', event: { ...record, audio_end_ms: endMs } });
  draft.do({ type: 'pass', text });
}

function transcribed(draft: BridgeDraft, event: JsonObject): void {
  const id = textAt(event, 'item_id') ?? '';
  const known = knownItem(draft.state, id);
  if (known?.item?.type !== 'message') return;
  const index = numberAt(event, 'content_index') ?? 0;
  const transcript = textAt(event, 'transcript') ?? null;
  const content = known.item.content.map((part, at) =>
    at === index && part.type === 'input_audio' ? { ...part, transcript } : part,
  );
  changeItem(draft, known, { item: { ...known.item, content } });
  draft.do({ type: 'record', event: { type: 'transcribed', item_id: id } });
}

/** Of an item that is being made: its end has the whole. */
const partialCharsMax = 1024 * 1024;

function said(draft: BridgeDraft, itemId: string, delta: string): void {
  const { partial } = draft.state;
  const text = partial.itemId === itemId ? partial.text + delta : delta;
  if (text.length > partialCharsMax) return;
  draft.set({ partial: { itemId, text } });
}

/** An answer that the end of the call cut off, as far as it was made. */
export function recordUnfinished(draft: BridgeDraft): void {
  const { partial } = draft.state;
  const known = knownItem(draft.state, partial.itemId);
  if (known?.item?.status !== 'in_progress' || known.shown === 'no') return;
  const item = { ...withText(known.item, partial.text), status: 'incomplete' as const };
  changeItem(draft, known, { item });
  recordItem(draft, { ...known, item }, 'done');
}

/** Whose event it is about decides who hears of it, and in which words. */
function failed(draft: BridgeDraft, event: JsonObject, text: string): void {
  const error = objectAt(event, 'error') ?? {};
  const code = textAt(error, 'code') ?? '';
  const eventId = textAt(error, 'event_id');
  if (code === 'session_expired') draft.set({ expiry: 'told' });
  const { asked, asides, sent } = draft.state;
  const busy = code === 'conversation_already_has_active_response';
  // Some servers do not say which event they mean; of this one there is no doubt.
  const create = [asked, ...asides].find((each) => each && each.eventId === eventId);
  const meantCreate = create ?? (eventId === undefined && busy ? asked : null);
  if (meantCreate && !draft.lobby) return askedFailed(draft, meantCreate, error);
  const late = code === 'response_cancel_not_active';
  const [id, whose] =
    eventId === undefined && late
      ? ([...sent].find(([, { kind }]) => kind === 'cancel') ?? [])
      : [eventId, eventId === undefined ? undefined : sent.get(eventId)];
  if (id === undefined || !whose) return draft.do({ type: 'pass', text });
  draft.forget(id);
  if (whose.kind === 'cancel' && late) return;
  if (whose.kind === 'voice' && whose.event && code === 'cannot_update_voice')
    return voiceRefused(draft, whose.event, whose.callerEventId);
  if (whose.kind !== 'cancel' && draft.state.settling > 0) draft.set({ settling: draft.state.settling - 1 });
  if (whose.kind === 'ours' || whose.kind === 'setup') {
    const message = `upstream refused ${whose.kind === 'setup' ? "the pipeline's session" : 'an event of ours'}: ${code} ${textAt(error, 'message') ?? ''}`;
    draft.do({ type: 'fault', message });
    if (whose.kind === 'ours') return;
  }
  draft.tell({ ...event, error: { ...error, event_id: whose.callerEventId } });
}
