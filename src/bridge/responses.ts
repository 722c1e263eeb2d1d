// One response at a time. What the caller asks for, what the gateway has to say and what upstream makes by itself meet
// here, and none of them ever learns of the others' races.
//
// A create carries a tag in its metadata, which upstream shows: so it is known whose a response is, also when upstream's
// voice activity detection was faster. One that shows none is found out by its first response that can be nobody else's.
import { isObject, type JsonObject, objectAt, textAt, without } from '../wire/json.ts';
import type { BridgeDraft } from './draft.ts';
import { speechDone, speechEnded, speechRefused } from './speech.ts';
import { type Asked, type BridgeState, createKey, type Sent, type Speech, type UpText } from './state.ts';
import { keepGoingOn, responseTools, speechTools } from './tools.ts';
import { isVoiceSafe, styled, voiceIn, withoutVoice } from './voice.ts';

const tagKey = 'greenroom_create';
/** The metadata of a response has room for so many pairs. */
const pairsMax = 16;
/** Beside the conversation, asked for or begun: upstream has a limit of its own, and each is looked for with every event. */
const asidesMax = 64;

export function createResponse(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  const { asked, answering, later, doubt, asides } = draft.state;
  const callerEventId = textAt(event, 'event_id') ?? null;
  if (objectAt(event, 'response')?.['conversation'] === 'none') {
    if (refuseAside(draft, callerEventId)) return;
    const aside = send(draft, event, { callerEventId, speech: null });
    if (aside) draft.set({ asides: [...asides, aside] });
    return;
  }
  // Nobody knows whose the last response was: this one waits a moment for that.
  if (doubt === 'open' && !answering && !later) return draft.set({ later: { event, text } });
  if (asked || answering) return refuseSecond(draft, callerEventId);
  const sent = send(draft, event, { callerEventId, speech: null });
  if (sent) draft.set({ asked: sent });
}

/** Whether the caller was told that as many run beside the conversation as may. */
function refuseAside(draft: BridgeDraft, eventId: string | null): boolean {
  const { asides, asidesAnswering } = draft.state;
  const count = asides.length + asidesAnswering.size;
  if (count < asidesMax) return false;
  const message = `${count} responses outside the conversation are under way, ${asidesMax} at most. Wait for one to be done, or cancel one with its response_id.`;
  draft.error('too_many_responses', message, { param: 'response.conversation', eventId });
  return true;
}

function refuseSecond(draft: BridgeDraft, eventId: string | null): void {
  const { answering } = draft.state;
  const which = answering?.id ?? (draft.lobby ? 'it waits in the lobby' : 'it was just asked for');
  const message = `Conversation already has an active response in progress: ${which}. Wait until the response is finished before creating a new one.`;
  draft.error('conversation_already_has_active_response', message, { eventId });
}

function send(
  draft: BridgeDraft,
  event: JsonObject,
  { callerEventId, speech }: { readonly callerEventId: string | null; readonly speech: Speech | null },
): Asked | undefined {
  const eventId = callerEventId ?? draft.newId('event');
  const given = objectAt(event, 'response') ?? {};
  const metadata = objectAt(given, 'metadata') ?? {};
  const tag = Object.keys(metadata).length < pairsMax ? draft.newId('event') : null;
  const response = {
    ...withSafeVoice(draft, speech ? given : responseTools(draft.state, given)),
    ...(tag && { metadata: { ...metadata, [tagKey]: tag } }),
  };
  const text = JSON.stringify({ ...event, event_id: eventId, response });
  if (!draft.up(text, { key: createKey(eventId), eventId: callerEventId })) return undefined;
  return { eventId, callerEventId, tag, metadata: given['metadata'] ?? null, speech, cancel: null };
}

/** A response may have a voice of its own, until there is audio. */
function withSafeVoice({ state }: BridgeDraft, response: JsonObject): JsonObject {
  const voice = voiceIn(response);
  if (voice === undefined || isVoiceSafe(state)) return response;
  const own = textAt(response, 'instructions') ?? textAt(state.session, 'instructions') ?? '';
  return { ...withoutVoice(response), instructions: styled(own, voice) };
}

/** By its id, and only while it is active: a cancel that comes too late is an error, of which some clients die. */
export function cancelResponse(draft: BridgeDraft, event: JsonObject): void {
  const { answering, asked, asidesAnswering } = draft.state;
  const callerEventId = textAt(event, 'event_id') ?? null;
  const named = textAt(event, 'response_id');
  const forward = (responseId: string) =>
    draft.upAs({ kind: 'cancel', callerEventId }, { ...event, response_id: responseId });
  if (named !== undefined && asidesAnswering.has(named)) return void forward(named);
  if (answering && answering.cancel === 'none' && (named === undefined || named === answering.id)) {
    draft.set({ answering: { ...answering, cancel: 'sent' } });
    return void forward(answering.id);
  }
  if (!answering && asked && asked.cancel === null && asked.speech === null && named === undefined) {
    if (draft.lobby) return cancelHeld(draft, asked);
    return draft.set({ asked: { ...asked, cancel: { callerEventId } } });
  }
  refuseCancel(draft, callerEventId, named);
}

/** In OpenAI's words: some clients go by the code, others by how the message begins. */
function refuseCancel(draft: BridgeDraft, eventId: string | null, named?: string): void {
  const which = named === undefined ? '' : ` with id ${named}`;
  const message = `Cancellation failed: no active response found${which}`;
  draft.error('response_cancel_not_active', message, { eventId });
}

/** What has not started ends as what has: created and cancelled, which every client understands. */
function cancelHeld(draft: BridgeDraft, asked: Asked): void {
  draft.do({ type: 'drop_held', what: { key: createKey(asked.eventId) } });
  draft.set({ asked: null });
  const id = draft.newId('resp');
  const { metadata } = asked;
  const object = responseObject(draft.state, id, 'in_progress', null);
  draft.tell({ type: 'response.created', response: { ...object, metadata } });
  const details = { type: 'cancelled', reason: 'client_cancelled' };
  const cancelled = responseObject(draft.state, id, 'cancelled', details);
  draft.tell({ type: 'response.done', response: { ...cancelled, metadata } });
}

/** Of a response that upstream did not make, or not to its end. */
export function responseObject(
  { conversationId }: BridgeState,
  id: string,
  status: string,
  details: JsonObject | null,
): JsonObject {
  return {
    ...{ object: 'realtime.response', id, conversation_id: conversationId },
    ...{ status, status_details: details, output: [], metadata: null, usage: null },
  };
}

export function responseCreated(draft: BridgeDraft, event: JsonObject, text: string): void {
  const response = objectAt(event, 'response');
  const id = textAt(response, 'id');
  if (!response || id === undefined) return draft.do({ type: 'pass', text });
  const tag = textAt(objectAt(response, 'metadata'), tagKey);
  if (tag !== undefined) draft.set({ echoes: 'yes' });
  const format = objectAt(response, 'audio', 'output')?.['format'];
  const { session } = draft.state;
  draft.set({ outputFormat: format ?? objectAt(session, 'audio', 'output')?.['format'] });
  begin(draft, response, id, tag);
  passResponse(draft, event, response, text);
}

function begin(draft: BridgeDraft, response: JsonObject, id: string, tag: string | undefined): void {
  const { asides, asidesAnswering, asked, answering, echoes } = draft.state;
  const beside =
    tag === undefined
      ? response['conversation_id'] === null && asides[0]
      : asides.find((aside) => aside.tag === tag);
  if (beside) {
    return draft.set({
      asides: asides.filter((aside) => aside !== beside),
      asidesAnswering: new Set([...asidesAnswering, id]),
    });
  }
  // Two at once are no response of the conversation's: only upstream knows why. Both are known to run.
  if (answering) {
    if (asidesAnswering.size < asidesMax) draft.set({ asidesAnswering: new Set([...asidesAnswering, id]) });
    return;
  }
  const untold = tag === undefined && asked !== null;
  const ours = asked && (untold ? isSurelyAsked(draft.state, asked) : tag === asked.tag);
  if (untold && ours && asked.tag !== null && echoes === 'unknown') draft.set({ echoes: 'no' });
  // A guess may be wrong: should its create be refused after all, that is not for the caller to puzzle over.
  if (untold && ours) draft.remember(asked.eventId, guessed(asked));
  const wanted = asked?.cancel ?? null;
  draft.set({
    answering: {
      ...{ id, speech: ours ? asked.speech : null },
      ...{ cancel: wanted ? 'sent' : 'none', said: 'nothing' },
    },
    asked: ours ? null : asked && { ...asked, cancel: null },
  });
  if (wanted) {
    const { callerEventId } = wanted;
    draft.upAs({ kind: 'cancel', callerEventId }, { type: 'response.cancel', response_id: id });
  }
  endDoubt(draft);
}

function guessed({ speech, callerEventId }: Asked): Sent {
  return { kind: speech ? 'ours' : 'mapped', callerEventId };
}

/** An untagged response is the one that was asked for when no other is possible, or tags are not shown. */
function isSurelyAsked({ echoes, detection, input }: BridgeState, asked: Asked): boolean {
  if (asked.tag === null || echoes === 'no') return true;
  if (echoes === 'yes') return false;
  return detection === 'off' || input.heard === 'never';
}

export function responseDone(draft: BridgeDraft, event: JsonObject, text: string): void {
  const response = objectAt(event, 'response');
  const id = textAt(response, 'id');
  if (!response || id === undefined) return draft.do({ type: 'pass', text });
  const { answering, asidesAnswering, asked } = draft.state;
  if (answering?.id === id) {
    draft.set({ answering: null });
    keepGoingOn(draft, textAt(response, 'status'), answering.said);
    if (answering.speech) speechDone(draft, answering.speech, response);
    if (asked && draft.state.echoes === 'unknown') {
      draft.set({ doubt: 'open' });
      draft.do({ type: 'start_timer', name: 'doubt' });
    }
    draft.do({ type: 'record', event: { type: 'response.done' } });
  } else if (asidesAnswering.has(id)) {
    draft.set({ asidesAnswering: new Set([...asidesAnswering].filter((other) => other !== id)) });
  }
  passResponse(draft, event, response, text);
}

/** The caller is shown an item of it. */
export function responseSays(draft: BridgeDraft, id: string | undefined): void {
  const { answering } = draft.state;
  if (answering && answering.id === id && answering.said === 'nothing')
    draft.set({ answering: { ...answering, said: 'something' } });
}

/** Nothing has come for the create: the response before was its own, and tags are not shown. */
export function doubtEnded(draft: BridgeDraft): void {
  const { asked, doubt } = draft.state;
  if (!asked || doubt === 'none') return;
  draft.set({ echoes: 'no', asked: null, doubt: 'none' });
  draft.remember(asked.eventId, guessed(asked));
  if (asked.speech) speechEnded(draft, asked.speech, { state: 'spoken' });
  if (asked.cancel) refuseCancel(draft, asked.cancel.callerEventId);
  createLater(draft);
}

/** It is known now. The create that waited for it is judged like any other. */
function endDoubt(draft: BridgeDraft): void {
  if (draft.state.doubt === 'none') return;
  draft.set({ doubt: 'none' });
  draft.do({ type: 'stop_timer', name: 'doubt' });
  createLater(draft);
}

/** Upstream has refused a create. */
export function askedFailed(draft: BridgeDraft, asked: Asked, error: JsonObject): void {
  const { speech } = asked;
  if (draft.state.asked === asked) {
    draft.set({ asked: null });
    if (asked.cancel) refuseCancel(draft, asked.cancel.callerEventId);
    endDoubt(draft);
  } else draft.set({ asides: draft.state.asides.filter((aside) => aside !== asked) });
  if (!speech) {
    return draft.tell({ type: 'error', error: { ...error, event_id: asked.callerEventId } });
  }
  speechRefused(draft, speech, error);
}

function createLater(draft: BridgeDraft): void {
  const { later } = draft.state;
  if (!later) return;
  draft.set({ later: null });
  createResponse(draft, later.event, later.text);
}

/** What the gateway has to say, once nobody else says anything. It never cancels what runs. */
export function startSpeech(draft: BridgeDraft): void {
  const { phase, asked, answering, speeches, input } = draft.state;
  const [speech, ...others] = speeches;
  if (!speech || phase !== 'ready' || asked || answering || input.turn === 'speaking') return;
  draft.set({ speeches: others });
  const { instructions, voice, metadata } = speech;
  const response = {
    ...speechTools(draft.state, speech),
    ...(instructions !== null && { instructions }),
    ...(voice !== null && { audio: { output: { voice } } }),
    ...(metadata && { metadata }),
  };
  const event = { type: 'response.create', response };
  const sent = send(draft, event, { callerEventId: null, speech });
  if (sent) draft.set({ asked: sent });
}

/** Without our tag, and without calls of our own tools. */
function passResponse(draft: BridgeDraft, event: JsonObject, response: JsonObject, text: string): void {
  const metadata = objectAt(response, 'metadata');
  const tagged = metadata && Object.hasOwn(metadata, tagKey);
  const output = response['output'];
  const hidden = new Set(draft.state.items.filter(({ shown }) => shown === 'no').map(({ id }) => id));
  const filtered =
    Array.isArray(output) && hidden.size > 0
      ? output.filter((item) => !isObject(item) || !hidden.has(textAt(item, 'id') ?? ''))
      : output;
  if (!tagged && filtered === output) return draft.do({ type: 'pass', text });
  const rest = metadata && without(metadata, tagKey);
  const shownMetadata = rest && Object.keys(rest).length > 0 ? rest : null;
  const shown = {
    ...response,
    ...(tagged && { metadata: shownMetadata }),
    ...(filtered !== output && { output: filtered }),
  };
  draft.tell({ ...event, response: shown });
}

/** A response is owed: somebody has asked for one, or it was begun. */
export function isOwed({ asked, answering, asides, asidesAnswering }: BridgeState): boolean {
  return asked !== null || answering !== null || asides.length > 0 || asidesAnswering.size > 0;
}
