// The conversation's one transition function: `next(state, input) -> {state, effects}`. Everything that happens to a
// session goes through here, one input after the other, so that no two writers ever meet.
import type { NewId } from '../wire/ids.ts';
import { type Abilities, everyAbility, type SessionConfig } from '../wire/session-config.ts';
import { shownSession } from '../wire/transcription-session.ts';
import { failAsides, failWaitingAsides, startAsides } from './asides.ts';
import { transcribeNext, transcript, transcriptEnded, transcriptFailed } from './hearing.ts';
import { idleTimedOut, watchIdle } from './idle.ts';
import { appended, cleared, committed, dropped, speechStarted, speechStopped } from './input.ts';
import { speak, startInternal, unspeak } from './internal.ts';
import { createItem, deleteItem, retrieveItem } from './items.ts';
import { output, outputEnded, outputFailed } from './output.ts';
import { cancelResponse, createResponse, failWaiting, startWaiting } from './response.ts';
import { updateSession, updateTranscriptionSession } from './session-update.ts';
import { type Conversation, type ConversationInput, Draft, type Step } from './state.ts';
import { truncateItem } from './truncate.ts';

/** A new conversation in the lobby, and what the caller is told at once. */
export function open(
  session: SessionConfig,
  conversationId: string,
  newId: NewId,
  abilities: Abilities = everyAbility,
): Step {
  const draft = new Draft(
    {
      id: conversationId,
      phase: 'lobby',
      abilities,
      session,
      items: [],
      itemChars: 0,
      input: { endSample: 0, startSample: 0, turn: null, catchUpSample: 0 },
      unheard: new Map(),
      response: null,
      waiting: null,
      internal: [],
      spoken: new Map(),
      asides: [],
      waitingAsides: [],
      idleMs: null,
    },
    newId,
  );
  draft.send({ type: 'session.created', session: shownSession(session) });
  draft.send({
    type: 'conversation.created',
    conversation: { id: conversationId, object: 'realtime.conversation' },
  });
  draft.do({ type: 'detect_turns', detection: session.audio.input.turn_detection });
  return { state: draft.state, effects: draft.effects };
}

export function next(state: Conversation, input: ConversationInput, newId: NewId): Step {
  const draft = new Draft(state, newId);
  apply(draft, input);
  transcribeNext(draft);
  startWaiting(draft);
  startInternal(draft);
  startAsides(draft);
  watchIdle(draft, state.idleMs);
  const before = waitsInLobby(state);
  const after = waitsInLobby(draft.state);
  if (before !== after) draft.do({ type: 'lobby_wait', state: after ? 'begin' : 'end' });
  return { state: draft.state, effects: draft.effects };
}

function waitsInLobby({ phase, waiting, waitingAsides }: Conversation): boolean {
  return phase === 'lobby' && (waiting !== null || waitingAsides.length > 0);
}

function apply(draft: Draft, input: ConversationInput): void {
  switch (input.type) {
    case 'client':
      return applyClient(draft, input);
    case 'refused':
      return draft.send({ type: 'error', error: input.error });
    case 'audio_appended':
      return appended(draft, input.samples);
    case 'audio_dropped':
      return dropped(draft, input.toSample, input.why);
    case 'ready':
      return becomeReady(draft);
    case 'not_ready':
      return draft.state.phase === 'ready' ? draft.set({ phase: 'lobby' }) : undefined;
    case 'engine_failed':
      return becomeFailed(draft, input.code, input.message);
    case 'lobby_timeout':
      return timeOut(draft, input.waitedMs, input.missing);
    case 'idle_timeout':
      return idleTimedOut(draft);
    case 'speech_started':
      return speechStarted(draft, input.atSample, input.atMs);
    case 'speech_stopped':
      return speechStopped(draft, input.atSample);
    case 'transcript':
      return transcript(draft, input.itemId, input.text);
    case 'transcript_ended':
      return transcriptEnded(draft, input.itemId, input.text, input.samples);
    case 'transcript_failed':
      return transcriptFailed(draft, input.itemId, input.code, input.message);
    case 'speak':
      return speak(draft, input.request);
    case 'unspeak':
      return unspeak(draft, input.id);
    case 'output':
      return output(draft, input.responseId, input.chunk, input.atMs);
    case 'output_ended':
      return outputEnded(draft, input.responseId);
    case 'output_failed':
      return outputFailed(draft, input.responseId, input.code, input.message);
  }
}

function applyClient(draft: Draft, { event, audio }: Extract<ConversationInput, { type: 'client' }>): void {
  switch (event.type) {
    case 'session.update':
      return updateSession(draft, event);
    case 'transcription_session.update':
      return updateTranscriptionSession(draft, event);
    case 'input_audio_buffer.commit':
      return committed(draft, event.event_id);
    case 'input_audio_buffer.clear':
      return cleared(draft);
    case 'conversation.item.create':
      return createItem(draft, event, audio);
    case 'conversation.item.retrieve':
      return retrieveItem(draft, event);
    case 'conversation.item.delete':
      return deleteItem(draft, event);
    case 'conversation.item.truncate':
      return truncateItem(draft, event);
    case 'response.create':
      return createResponse(draft, event);
    case 'response.cancel':
      return cancelResponse(draft, event.response_id ?? null, event.event_id);
    case 'output_audio_buffer.clear':
      return draft.error(
        'invalid_event',
        'output_audio_buffer.clear exists on WebRTC and SIP connections only',
        { param: 'type', eventId: event.event_id },
      );
  }
}

function becomeReady(draft: Draft): void {
  if (draft.state.phase !== 'lobby') return;
  const { input } = draft.state;
  draft.set({ phase: 'ready', input: { ...input, catchUpSample: input.endSample } });
}

/** For good: the shell ends the session once everybody who waits has been told. */
function becomeFailed(draft: Draft, code: string, message: string): void {
  const { phase, response, waiting, waitingAsides } = draft.state;
  if (phase === 'failed') return;
  draft.set({ phase: 'failed' });
  if (response) outputFailed(draft, response.object.id, code, message);
  failAsides(draft, code, message);
  if (!waiting && waitingAsides.length === 0) return draft.fault(code, message);
  failWaiting(draft, code, message);
  failWaitingAsides(draft, code, message);
}

function timeOut(draft: Draft, waitedMs: number, missing: string): void {
  if (!waitsInLobby(draft.state)) return;
  const message = `not ready after ${waitedMs} ms: ${missing}`;
  failWaiting(draft, 'lobby_timeout', message);
  failWaitingAsides(draft, 'lobby_timeout', message);
}
