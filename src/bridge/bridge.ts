// The one transition function of a bridged call: `next(state, input) -> {state, effects}`. Everything that happens to it
// goes through here, one input after the other, so that the races of caller, gateway and upstream are decided in one
// place, and never met by a client.
import type { NewId } from '../wire/ids.ts';
import { type JsonObject, textAt } from '../wire/json.ts';
import { BridgeDraft } from './draft.ts';
import { appendAudio, fromCaller } from './from-caller.ts';
import { fromUpstream, recordUnfinished } from './from-upstream.ts';
import { heardAudio } from './items.ts';
import { askedFailed, doubtEnded, isOwed, responseObject, startSpeech } from './responses.ts';
import { speechEnded, unspeak } from './speech.ts';
import { type BridgeInput, type BridgeState, type BridgeStep, createKey, type TimerName } from './state.ts';
import { answerCall, declareTool } from './tools.ts';
import { applyPendingVoice } from './voice.ts';

/**
 * A new call in the lobby, and what the caller is told at once.
 * @param session what the caller is shown
 * @param setup what upstream is to be told first: a partial session, empty for nothing
 */
export function openBridge(
  session: JsonObject,
  setup: JsonObject,
  conversationId: string,
  newId: NewId,
): BridgeStep {
  const draft = new BridgeDraft(initial(session, setup, conversationId), newId);
  draft.tell({ type: 'session.created', session });
  const conversation = { id: conversationId, object: 'realtime.conversation' };
  draft.tell({ type: 'conversation.created', conversation });
  return draft;
}

function initial(session: JsonObject, setup: JsonObject, conversationId: string): BridgeState {
  return {
    ...{ conversationId, phase: 'waiting', session, setup, heldChars: 0, audioDrop: 'none', settling: 0 },
    ...{ answered: new Set(), items: [], deleting: new Set(), outputFormat: undefined },
    ...{ spoken: { itemId: '', ms: 0 }, partial: { itemId: '', text: '' } },
    ...{ asked: null, answering: null, asides: [], asidesAnswering: new Set(), later: null },
    ...{ doubt: 'none', speeches: [], done: [] },
    ...{ detection: 'on', echoes: 'unknown', sent: new Map(), voice: { state: 'free', pending: undefined } },
    ...{ input: { buffer: 'empty', heard: 'never', turn: 'none' }, tools: [], callersTools: null },
    ...{ watch: 'off', lobbyWait: 'off', expiry: 'none' },
  };
}

export function next(state: BridgeState, input: BridgeInput, newId: NewId): BridgeStep {
  const draft = new BridgeDraft(state, newId);
  if (state.phase === 'ended') {
    // Whoever still wants something has been told already; speech is the gateway's own.
    if (input.type === 'speak') speechEnded(draft, input.speech, ended);
    return draft;
  }
  apply(draft, input);
  if (draft.state.phase === 'ended') return draft;
  // The frequent ones change nothing that the rest looks at.
  if (input.type === 'client_audio' || input.type === 'upstream_audio') return draft;
  startSpeech(draft);
  applyPendingVoice(draft);
  watch(draft);
  return draft;
}

const ended = { state: 'failed', code: 'scope_closed', message: 'the call has ended' } as const;

function apply(draft: BridgeDraft, input: BridgeInput): void {
  switch (input.type) {
    case 'connect':
      if (draft.state.phase !== 'waiting') return;
      draft.set({ phase: 'connecting' });
      draft.do({ type: 'connect' });
      return draft.do({ type: 'start_timer', name: 'open' });
    case 'client':
      return fromCaller(draft, input.event, input.text);
    case 'client_audio':
      return appendAudio(draft, input.text, input.bytes);
    case 'refused':
      return draft.tell({ type: 'error', error: input.error });
    case 'audio_dropped':
      if (draft.state.audioDrop === 'told') return;
      draft.set({ audioDrop: 'told' });
      return draft.error('lobby_audio_dropped', input.why, { type: 'server_error' });
    case 'upstream':
      return fromUpstream(draft, input.event, input.text);
    case 'upstream_audio':
      heardAudio(draft, input.itemId, input.bytes);
      return draft.do({ type: 'pass', text: input.text });
    case 'upstream_failed':
    case 'engine_failed':
      return fail(draft, input.code, input.message);
    case 'upstream_closed':
      return upstreamClosed(draft, input.code, input.reason);
    case 'left':
      recordUnfinished(draft);
      return draft.set({ phase: 'ended' });
    case 'timer':
      return timeUp(draft, input.name, input.message);
    case 'speak':
      return draft.set({ speeches: [...draft.state.speeches, input.speech] });
    case 'unspeak':
      return unspeak(draft, input.id, input.message);
    case 'declare_tool':
      return declareTool(draft, input.tool);
    case 'answer_call':
      return answerCall(draft, input);
  }
}

function timeUp(draft: BridgeDraft, name: TimerName, message: string): void {
  switch (name) {
    case 'open':
      if (draft.state.phase === 'connecting') fail(draft, 'upstream_stalled', message);
      return;
    case 'lobby':
      return lobbyTimeout(draft, message);
    case 'silence':
      if (isOwed(draft.state)) fail(draft, 'upstream_stalled', message);
      return;
    case 'doubt':
      return doubtEnded(draft);
  }
}

/** The answers that wait cannot be had. The call goes on: upstream may still come. */
function lobbyTimeout(draft: BridgeDraft, message: string): void {
  if (!draft.lobby) return;
  const error = { type: 'server_error', code: 'lobby_timeout', message, param: null };
  const { asked, asides } = draft.state;
  for (const each of [asked, ...asides]) {
    if (!each) continue;
    draft.do({ type: 'drop_held', what: { key: createKey(each.eventId) } });
    askedFailed(draft, each, error);
  }
}

/** Only these ends are somebody's wish, and clients know what to do: they are handed on as they are. */
const handedOn: readonly number[] = [1000, 1001, 1012, 1013];

function upstreamClosed(draft: BridgeDraft, code: number, reason: string): void {
  const why = reason ? `: ${reason}` : '';
  if (!handedOn.includes(code) || draft.lobby)
    return fail(draft, 'upstream_closed', `upstream closed the connection with ${code}${why}`);
  const message = reason || `upstream has ended the session (${code})`;
  const expired = code === 1001 && /maximum duration|expire/i.test(reason);
  tellWaiting(draft, 'upstream_closed', message);
  if (code !== 1000 && draft.state.expiry === 'none')
    draft.error(expired ? 'session_expired' : 'upstream_closed', message, { type: 'server_error' });
  end(draft, expired || draft.state.expiry === 'told' ? 'session_expired' : 'upstream_closed', message, code);
}

/** Whatever the caller waits for gets its end, then the call does. */
function fail(draft: BridgeDraft, code: string, message: string): void {
  const told = tellWaiting(draft, code, message);
  if (!told) draft.error(code, message, { type: 'server_error' });
  end(draft, code, message, null);
}

function end(draft: BridgeDraft, code: string, message: string, closeCode: number | null): void {
  recordUnfinished(draft);
  draft.set({ phase: 'ended', watch: 'off', lobbyWait: 'off' });
  for (const name of ['open', 'lobby', 'silence', 'doubt'] as const) draft.do({ type: 'stop_timer', name });
  draft.do({ type: 'end', code, message, closeCode });
}

/** Whether anybody was told why. */
function tellWaiting(draft: BridgeDraft, code: string, message: string): boolean {
  const { asked, asides, asidesAnswering, answering, later } = draft.state;
  const error = { type: 'server_error', code, message, param: null };
  const details = { type: 'failed', error: { type: 'server_error', code, message } };
  const begun = answering ? [answering.id, ...asidesAnswering] : [...asidesAnswering];
  for (const id of begun) {
    const response = responseObject(draft.state, id, 'failed', details);
    const place = asidesAnswering.has(id) ? { conversation_id: null } : {};
    draft.tell({ type: 'response.done', response: { ...response, ...place } });
  }
  if (answering?.speech) speechEnded(draft, answering.speech, { state: 'failed', code, message });
  const waiting = [asked, ...asides].filter((each) => each !== null);
  draft.set({ answering: null, asidesAnswering: new Set(), later: null, doubt: 'none' });
  for (const each of waiting) askedFailed(draft, each, error);
  // Also what would have been tried again.
  const { speeches } = draft.state;
  draft.set({ speeches: [] });
  for (const speech of speeches) speechEnded(draft, speech, { state: 'failed', code, message });
  if (later)
    draft.tell({ type: 'error', error: { ...error, event_id: textAt(later.event, 'event_id') ?? null } });
  return later !== null || waiting.some(({ speech }) => speech === null);
}

/** What upstream owes is waited for, within bounds. */
function watch(draft: BridgeDraft): void {
  const { state, lobby } = draft;
  const owed = isOwed(state) && state.phase === 'ready';
  if (owed !== (state.watch === 'on')) {
    draft.do({ type: owed ? 'start_timer' : 'stop_timer', name: 'silence' });
    draft.set({ watch: owed ? 'on' : 'off' });
  }
  const waits = lobby && isOwed(state);
  if (waits !== (state.lobbyWait === 'on')) {
    draft.do({ type: waits ? 'start_timer' : 'stop_timer', name: 'lobby' });
    draft.set({ lobbyWait: waits ? 'on' : 'off' });
  }
}
