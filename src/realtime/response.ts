// When a response may start and how it is stopped. At most one is in progress; at most one waits. A response that
// was created always gets exactly one `response.done`.
import type { ClientEvent } from '../wire/client-events.ts';
import type { ResponseObject } from '../wire/server-events.ts';
import { lastItemId } from './items.ts';
import { endResponse } from './output.ts';
import type { Draft, ResponseRequest } from './state.ts';

export function createResponse(draft: Draft, event: Extract<ClientEvent, { type: 'response.create' }>): void {
  const { phase, response, waiting } = draft.state;
  const eventId = event.event_id;
  if (phase === 'failed') {
    return draft.error('engine_failed', 'an engine of this pipeline has failed; the session is ending', {
      eventId,
    });
  }
  const busy = response?.object.id ?? (waiting && 'waiting for its engine');
  if (busy) {
    const message = `Conversation already has an active response in progress: ${busy}. Wait until the response is finished before creating a new one.`;
    return draft.error('conversation_already_has_active_response', message, { eventId });
  }
  begin(draft, {
    eventId: eventId ?? null,
    origin: 'client',
    instructions: event.response?.instructions ?? null,
    modality: event.response?.output_modalities?.[0] ?? null,
    metadata: event.response?.metadata ?? null,
  });
}

/** A turn that turn detection ended asks for an answer. It waits for the one before; two waiting are one answer. */
export function requestByTurn(draft: Draft): void {
  const request: ResponseRequest = {
    eventId: null,
    origin: 'turn',
    instructions: null,
    modality: null,
    metadata: null,
  };
  if (draft.state.response) draft.set({ waiting: draft.state.waiting ?? request });
  else if (!draft.state.waiting) begin(draft, request);
}

function begin(draft: Draft, request: ResponseRequest): void {
  draft.set({ waiting: request });
  if (draft.state.phase === 'lobby') draft.do({ type: 'lobby_wait', state: 'begin' });
}

/** Starts what waits, once it can: the last thing of every step. */
export function startWaiting(draft: Draft): void {
  const { waiting: request, phase, session } = draft.state;
  if (!request || phase !== 'ready' || draft.state.response) return;
  draft.do({ type: 'lobby_wait', state: 'end' });
  const modality = request.modality ?? session.output_modalities[0];
  const object: ResponseObject = {
    object: 'realtime.response',
    id: draft.newId('resp'),
    conversation_id: draft.state.id,
    status: 'in_progress',
    status_details: null,
    output: [],
    output_modalities: [modality],
    max_output_tokens: session.max_output_tokens,
    audio: { output: { format: session.audio.output.format, voice: session.audio.output.voice } },
    metadata: request.metadata,
    usage: null,
  };
  const afterItemId = lastItemId(draft);
  draft.set({ waiting: null, response: { object, modality, afterItemId, itemId: null, text: '', samples: 0 } });
  draft.send({ type: 'response.created', response: object });
  draft.do({
    type: 'start_response',
    snapshot: {
      responseId: object.id,
      items: draft.state.items,
      session,
      instructions: request.instructions,
      modality,
    },
  });
}

/** The answer that waits cannot be had: its caller is told, with the id of the event that asked. */
export function failWaiting(draft: Draft, code: string, message: string): void {
  const { waiting } = draft.state;
  if (!waiting) return;
  draft.set({ waiting: null });
  draft.do({ type: 'lobby_wait', state: 'end' });
  draft.send({
    type: 'error',
    error: { type: 'server_error', code, message, param: null, event_id: waiting.eventId },
  });
}

export function cancelResponse(draft: Draft, responseId: string | null, eventId: string | undefined): void {
  const { response, waiting } = draft.state;
  if (response && (responseId === null || responseId === response.object.id))
    return stop(draft, 'client_cancelled');
  if (!response && waiting && responseId === null) {
    return failWaiting(draft, 'response_cancelled', 'the response was cancelled before it had started');
  }
  const which = responseId ? ` with id ${responseId}` : '';
  draft.error('response_cancel_not_active', `Cancellation failed: no active response found${which}`, {
    eventId,
  });
}

/** New speech ends the answer under way. */
export function interruptByTurn(draft: Draft): void {
  if (draft.state.response) stop(draft, 'turn_detected');
}

function stop(draft: Draft, reason: 'client_cancelled' | 'turn_detected'): void {
  const { response } = draft.state;
  if (!response) return;
  draft.do({ type: 'stop_response', responseId: response.object.id });
  endResponse(draft, response, { status: 'cancelled', status_details: { type: 'cancelled', reason } });
}
