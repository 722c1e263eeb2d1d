// When a response may start and how it is stopped. At most one is in progress; at most one waits. A response that
// was created always gets exactly one `response.done`.
import type { ClientEventOf } from '../wire/client-schema.ts';
import type { Item } from '../wire/items.ts';
import type { ResponseObject } from '../wire/server-events.ts';
import { effectiveFormat, type SessionConfig } from '../wire/session-config.ts';
import { hearAgain, toAnswer } from './hearing.ts';
import { lastItemId } from './items.ts';
import { endResponse, failResponse } from './output.ts';
import type { ActiveResponse, Draft, ResponseRequest } from './state.ts';

export function createResponse(draft: Draft, event: ClientEventOf<'response.create'>): void {
  const { phase, response, waiting } = draft.state;
  const eventId = event.event_id ?? null;
  if (phase === 'failed') {
    const message = 'an engine of this pipeline has failed for good; the session is ending';
    return draft.fault('engine_failed', message, eventId);
  }
  // What the client asks for itself takes the place of what turn detection asked for.
  const busy = response?.object.id ?? (waiting?.origin === 'client' ? 'it waits in the lobby' : null);
  if (busy !== null) {
    const message = `Conversation already has an active response in progress: ${busy}. Wait until the response is finished before creating a new one.`;
    return draft.error('conversation_already_has_active_response', message, { eventId });
  }
  const format = event.response?.audio?.output?.format;
  hearAgain(draft);
  draft.set({
    waiting: {
      eventId,
      origin: 'client',
      overrides: overridesOf(event.response ?? {}),
      format: format ? effectiveFormat(format) : null,
      metadata: event.response?.metadata ?? null,
    },
  });
}

function overridesOf(
  given: NonNullable<ClientEventOf<'response.create'>['response']>,
): ResponseRequest['overrides'] {
  return {
    ...(given.output_modalities && { output_modalities: given.output_modalities }),
    ...(typeof given.instructions === 'string' && { instructions: given.instructions }),
    ...(given.tools && { tools: given.tools }),
    ...(given.tool_choice && { tool_choice: given.tool_choice }),
    ...(given.max_output_tokens && { max_output_tokens: given.max_output_tokens }),
  };
}

/** A turn that turn detection ended asks for an answer. It waits for the one before; two waiting are one answer. */
export function requestByTurn(draft: Draft): void {
  const { phase, waiting } = draft.state;
  if (phase === 'failed' || waiting) return;
  draft.set({ waiting: { eventId: null, origin: 'turn', overrides: {}, format: null, metadata: null } });
}

/** Starts what waits, once it can: the last thing of every step. */
export function startWaiting(draft: Draft): void {
  const { waiting, phase, response, input, session } = draft.state;
  if (!waiting || phase !== 'ready' || response) return;
  // Nobody is answered while they speak on: the end of this turn asks again, and both are answered at once.
  const spokenOver = input.turn && session.audio.input.turn_detection?.interrupt_response;
  if (waiting.origin === 'turn' && spokenOver) return;
  const answered = toAnswer(draft.state);
  if (answered.state === 'hearing') return;
  // A cough is no turn: it was told by its empty transcript.
  if (answered.state === 'silence' && waiting.origin === 'turn') return draft.set({ waiting: null });
  draft.set({ waiting: null });
  if (answered.state === 'failed')
    return failResponse(draft, begin(draft, waiting), answered.code, answered.message);
  startResponse(draft, waiting, draft.state.items);
}

/** @param items what it answers */
export function startResponse(draft: Draft, request: ResponseRequest, items: readonly Item[]): void {
  const { object, modality } = begin(draft, request);
  const { overrides, voice = null } = request;
  draft.do({
    type: 'start_response',
    snapshot: {
      ...{ responseId: object.id, items, session: sessionOf(draft, request) },
      ...{ instructions: overrides.instructions ?? null, voice, modality },
    },
  });
}

/** The session as it is for this answer. */
function sessionOf(draft: Draft, { overrides, format, voice }: ResponseRequest): SessionConfig {
  const { abilities } = draft.state;
  const session = { ...draft.state.session, ...overrides };
  const { audio } = session;
  return {
    ...session,
    ...(abilities.answers === 'text' && { output_modalities: ['text'] as const }),
    audio: { ...audio, output: { ...audio.output, ...(format && { format }), ...(voice && { voice }) } },
  };
}

function begin(draft: Draft, request: ResponseRequest): ActiveResponse {
  const session = sessionOf(draft, request);
  const [modality] = session.output_modalities;
  const { format, voice } = session.audio.output;
  const object: ResponseObject = {
    object: 'realtime.response',
    id: draft.newId('resp'),
    conversation_id: draft.state.id,
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
    ...{ object, modality, afterItemId, done: [], itemId: null, ending: null },
    ...{ text: '', pieces: [], samples: 0, heardSamples: null },
  };
  draft.set({ response });
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

/** New speech ends the answer under way. */
export function interruptByTurn(draft: Draft): void {
  if (draft.state.response) stop(draft, draft.state.response, 'turn_detected');
}

type CancelReason = 'client_cancelled' | 'turn_detected';

function stop(draft: Draft, response: ActiveResponse, reason: CancelReason): void {
  draft.do({ type: 'stop_response', responseId: response.object.id });
  end(draft, response, reason);
}

function end(draft: Draft, response: ActiveResponse, reason: CancelReason): void {
  endResponse(draft, response, { status: 'cancelled', status_details: { type: 'cancelled', reason } });
}
