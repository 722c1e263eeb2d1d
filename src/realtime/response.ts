// When a response may start and how it is stopped. At most one is in progress; at most one waits. A response that
// was created always gets exactly one `response.done`.
import type { ClientEventOf } from '../wire/client-schema.ts';
import type { Item } from '../wire/items.ts';
import type { ResponseObject } from '../wire/server-events.ts';
import { effectiveFormat, type SessionConfig } from '../wire/session-config.ts';
import { asideWithId, createAside, type InputState, inputOf } from './asides.ts';
import { hearAgain, toAnswer } from './hearing.ts';
import { lastItemId } from './items.ts';
import { endResponse, failResponse } from './output.ts';
import { inputItems, requestInput } from './request-input.ts';
import { retained } from './retention.ts';
import { voiceOf } from './session-update.ts';
import { nothingSpoken, spokenOver, tellHeard, withoutFillers } from './spoken.ts';
import type { ActiveResponse, Draft, ResponseRequest } from './state.ts';
import { cutToHeard } from './truncate.ts';
import { keepUnderWay } from './under-way.ts';

export function createResponse(draft: Draft, event: ClientEventOf<'response.create'>): void {
  const { phase, response, waiting, session } = draft.state;
  const eventId = event.event_id ?? null;
  if (phase === 'failed') {
    const message = 'an engine of this pipeline has failed for good; the session is ending';
    return draft.fault('engine_failed', message, eventId);
  }
  if (session.type === 'transcription') {
    const message = 'A transcription session gives no answers: use a session of type "realtime".';
    return draft.error('invalid_event', message, { param: 'type', eventId });
  }
  if (event.response?.conversation === 'none') return createAside(draft, event);
  // What the client asks for itself takes the place of what turn detection asked for.
  const busy = response?.object.id ?? (waiting?.origin === 'client' ? 'it waits in the lobby' : null);
  if (busy !== null) {
    const message = `Conversation already has an active response in progress: ${busy}. Wait until the response is finished before creating a new one.`;
    return draft.error('conversation_already_has_active_response', message, { eventId });
  }
  const request = requestOf(draft, event);
  if (!request) return;
  hearAgain(draft);
  draft.set({ waiting: request });
}

/** What the client asks for; undefined when it was told that it cannot be. */
export function requestOf(
  draft: Draft,
  { response, event_id: eventId }: ClientEventOf<'response.create'>,
): ResponseRequest | undefined {
  const input = response?.input ? requestInput(draft, response.input, eventId) : null;
  if (!input && response?.input) return undefined;
  const { format, voice } = response?.audio?.output ?? {};
  return {
    eventId: eventId ?? null,
    origin: 'client',
    conversation: response?.conversation ?? 'auto',
    input: input ?? null,
    overrides: overridesOf(response ?? {}),
    format: format ? effectiveFormat(format) : null,
    voice: voiceOf(voice, draft.state.abilities.voices ?? []) ?? null,
    metadata: response?.metadata ?? null,
  };
}

function overridesOf(
  given: NonNullable<ClientEventOf<'response.create'>['response']>,
): ResponseRequest['overrides'] {
  return {
    ...(given.output_modalities && { output_modalities: given.output_modalities }),
    ...(typeof given.instructions === 'string' && { instructions: given.instructions }),
    ...(given.tools && { tools: given.tools }),
    ...(given.tool_choice && { tool_choice: given.tool_choice }),
    ...(typeof given.parallel_tool_calls === 'boolean' && { parallel_tool_calls: given.parallel_tool_calls }),
    ...(given.max_output_tokens && { max_output_tokens: given.max_output_tokens }),
  };
}

/** A turn that turn detection ended asks for an answer. It waits for the one before; two waiting are one answer. */
export function requestByTurn(draft: Draft, origin: 'turn' | 'silence' = 'turn'): void {
  const { phase, waiting, session } = draft.state;
  if (phase === 'failed' || waiting || session.type === 'transcription') return;
  draft.set({
    waiting: {
      ...{ eventId: null, origin, conversation: 'auto', input: null },
      ...{ overrides: {}, format: null, voice: null, metadata: null },
    },
  });
}

/** Starts what waits, once it can: the last thing of every step. */
export function startWaiting(draft: Draft): void {
  const { waiting, phase, response, input, session } = draft.state;
  if (!waiting || phase !== 'ready' || response) return;
  // Nobody is answered while they speak on: the end of this turn asks again, and both are answered at once.
  const spokenOver = input.turn && session.audio.input.turn_detection?.interrupt_response;
  if (waiting.origin === 'turn' && spokenOver) return;
  if (waiting.input) {
    const input = inputOf(draft.state, waiting);
    return input.state === 'hearing' ? undefined : startNow(draft, waiting, input);
  }
  const answered = toAnswer(draft.state);
  if (answered.state === 'hearing') return;
  // A cough is no turn: it was told by its empty transcript.
  if (answered.state === 'silence' && waiting.origin === 'turn') return draft.set({ waiting: null });
  startNow(draft, waiting, answered.state === 'failed' ? answered : { state: 'known' });
}

/** Nothing is waited for any more. `also`: what it is asked besides, and is no part of the conversation. */
export function startNow(
  draft: Draft,
  request: ResponseRequest,
  input: InputState,
  also: readonly Item[] = [],
): void {
  const begun = begin(draft, request);
  if (input.state === 'failed') return failResponse(draft, begun, input.code, input.message);
  const { object, modality, conversation } = begun;
  const session = sessionOf(draft, request);
  draft.do({
    type: 'start_response',
    snapshot: {
      responseId: object.id,
      conversation,
      items: [...itemsOf(draft, request, session), ...also],
      session,
      usualVoice: draft.state.session.audio.output.voice,
      instructions: request.overrides.instructions ?? null,
      modality,
    },
  });
}

function itemsOf(draft: Draft, request: ResponseRequest, { truncation }: SessionConfig): readonly Item[] {
  const items = withoutFillers(draft.state);
  const given = inputItems(items, request) ?? retained(items, truncation);
  return request.origin === 'silence'
    ? given.map((item) => (item === items.at(-1) ? silence(item) : item))
    : given;
}

/** Models answer what somebody says: to them, the silence that is to be answered is said. */
function silence({ id }: Item): Item {
  const content = [{ type: 'input_text', text: '(silence)' }] as const;
  return { id, object: 'realtime.item', type: 'message', status: 'completed', role: 'user', content };
}

/** The session as it is for this answer. */
function sessionOf(draft: Draft, { overrides, format, voice }: ResponseRequest): SessionConfig {
  const { abilities } = draft.state;
  const session = { ...draft.state.session, ...overrides };
  const { audio } = session;
  return {
    ...session,
    ...(abilities.answers === 'text' && { output_modalities: ['text'] as const }),
    audio: {
      ...audio,
      output: { ...audio.output, ...(format && { format }), ...(voice !== null && { voice }) },
    },
  };
}

function begin(draft: Draft, request: ResponseRequest): ActiveResponse {
  const session = sessionOf(draft, request);
  const { conversation } = request;
  const [modality] = session.output_modalities;
  const { format, voice } = session.audio.output;
  const object: ResponseObject = {
    object: 'realtime.response',
    id: draft.newId('resp'),
    conversation_id: conversation === 'auto' ? draft.state.id : null,
    status: 'in_progress',
    status_details: null,
    output: [],
    output_modalities: [modality],
    max_output_tokens: session.max_output_tokens,
    audio: { output: { format, voice } },
    metadata: request.metadata,
    usage: null,
  };
  const afterItemId = lastItemId(draft);
  const response: ActiveResponse = {
    ...{ object, modality, conversation, afterItemId, done: [], itemId: null, ending: null },
    ...{ ...nothingSpoken, doneSamples: 0 },
    calls: session.parallel_tool_calls ? 'many' : 'one',
  };
  if (conversation === 'auto') draft.set({ waiting: null });
  keepUnderWay(draft, response);
  draft.send({ type: 'response.created', response: object });
  return response;
}

/** The answer that waits cannot be had: its caller is told, with the id of the event that asked. */
export function failWaiting(draft: Draft, code: string, message: string): void {
  const { waiting } = draft.state;
  if (!waiting) return;
  draft.set({ waiting: null });
  draft.fault(code, message, waiting.eventId);
}

export function cancelResponse(draft: Draft, responseId: string | null, eventId: string | undefined): void {
  const { response, waiting } = draft.state;
  const aside = responseId === null ? undefined : asideWithId(draft.state, responseId);
  if (aside) return stop(draft, aside, 'client_cancelled');
  if (response && (responseId === null || responseId === response.object.id)) {
    return stop(draft, response, 'client_cancelled');
  }
  // What has not started ends as what has: created and cancelled, which every client understands.
  if (!response && waiting && responseId === null) {
    draft.set({ waiting: null });
    return end(draft, begin(draft, waiting), 'client_cancelled');
  }
  const which = responseId ? ` with id ${responseId}` : '';
  draft.error('response_cancel_not_active', `Cancellation failed: no active response found${which}`, {
    eventId,
  });
}

/** New speech ends the answer under way, and what has not been played of the last one is not heard any more. */
export function interruptByTurn(draft: Draft, atMs: number | undefined): void {
  const { response, items, spoken } = draft.state;
  if (response) {
    const interrupted = spokenOver(response, atMs);
    draft.set({ response: interrupted });
    stop(draft, interrupted, 'turn_detected');
    if (interrupted.itemId && interrupted.heard?.by === 'estimate')
      tellHeard(draft, interrupted.itemId, interrupted);
  }
  // Complete, and still being played: answers are sent faster than they are heard.
  const item = items.findLast(({ id }) => spoken.has(id));
  const before = item && spoken.get(item.id);
  if (!before) return;
  const after = spokenOver(before, atMs);
  if (after === before) return;
  cutToHeard(draft, item, after);
  tellHeard(draft, item.id, after);
}

type CancelReason = 'client_cancelled' | 'turn_detected';

function stop(draft: Draft, response: ActiveResponse, reason: CancelReason): void {
  draft.do({ type: 'stop_response', responseId: response.object.id });
  end(draft, response, reason);
}

function end(draft: Draft, response: ActiveResponse, reason: CancelReason): void {
  endResponse(draft, response, { status: 'cancelled', status_details: { type: 'cancelled', reason } });
}
