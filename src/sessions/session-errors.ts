// What a session tells its caller by itself, as errors of the wire. None of them ends the connection.
import { factsOf } from '../lifecycle/codes.ts';
import { type GreenroomError, messageOf, toGreenroomError } from '../lifecycle/errors.ts';
import type { Notice } from '../wire/notices.ts';
import type { WireError } from '../wire/server-events.ts';

const nobody = { param: null, event_id: null } as const;

export function voiceActivityFailed(error: unknown, then: 'again' | 'deaf'): WireError {
  const next =
    then === 'again' ? 'it is tried again' : 'no more turns are detected in this session; commit by hand';
  const message = `voice activity detection failed: ${messageOf(error)}; ${next}`;
  return { type: 'server_error', code: 'voice_activity_failed', message, ...nobody };
}

/** In OpenAI's words, which clients know. */
export function sessionExpired(lifetimeMs: number): WireError {
  const message = `Your session hit the maximum duration of ${lifetimeMs / 60_000} minutes.`;
  return { type: 'invalid_request_error', code: 'session_expired', message, ...nobody };
}

export function conversationExpired(conversationId: string): WireError {
  const shown = JSON.stringify(conversationId.slice(0, 64));
  const message = `there is no conversation ${shown} to come back to, or no more: this is a new session`;
  return { type: 'invalid_request_error', code: 'conversation_expired', message, ...nobody };
}

/** Why there is no session for its caller. */
export function setUpFailed({ code, message }: GreenroomError): WireError {
  return { type: 'server_error', code, message, ...nobody };
}

export const binaryFrame: WireError = {
  type: 'invalid_request_error',
  code: 'invalid_event',
  message:
    'binary frames are not part of the Realtime wire; audio travels base64 in input_audio_buffer.append',
  ...nobody,
};

export function audioRefused(why: string, param: string, eventId: string | undefined): WireError {
  return {
    type: 'invalid_request_error',
    code: 'invalid_value',
    message: why,
    param,
    event_id: eventId ?? null,
  };
}

/** A stream that cannot be read on, or nobody who could read it. */
export function audioBroken(thrown: unknown, param: string, eventId: string | undefined): WireError {
  const { code, message } = toGreenroomError(thrown);
  const next = 'begin a new stream (start the recorder anew)';
  const { type } = factsOf(code);
  return {
    type: type === 'invalid_request_error' ? type : 'server_error',
    code,
    message: `${message}; ${next}`,
    param,
    event_id: eventId ?? null,
  };
}

export function audioUnheard(message: string, eventId: string | undefined): WireError {
  const code = 'audio_input_unsupported';
  return { type: 'invalid_request_error', code, message, param: 'audio', event_id: eventId ?? null };
}

/** What was heard so far of somebody who still speaks. */
export function hearingNotice(itemId: string, text: string): Notice {
  return { type: 'greenroom.notice', code: 'hearing', item_id: itemId, message: text };
}
