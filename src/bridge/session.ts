// The session of a bridged call: what the caller wants of it, what upstream may be sent, what the caller is shown. The
// caller knows one session, from the lobby on: its id is ours; everything else is what upstream says is in effect.
import { isObject, type JsonObject, objectAt, textAt, without } from '../wire/json.ts';
import type { BridgeDraft } from './draft.ts';
import { mergeSession } from './merge.ts';
import type { BridgeState, UpText } from './state.ts';
import { tellTaken, withOurs, withoutOurs, withToolsBeside } from './tools.ts';
import { isVoiceSafe, styled, unstyled, voiceIn, withoutVoice } from './voice.ts';

/** Clients send back the session they were shown; these are not theirs to say, and the model is named by the URL. */
const readOnly = ['id', 'object', 'expires_at', 'model'] as const;

export function updateSession(draft: BridgeDraft, event: JsonObject, text: UpText): void {
  const given = objectAt(event, 'session');
  if (!given) return void draft.up(text);
  const wasLobby = draft.lobby;
  const session = forUpstream(draft, given);
  const eventId = textAt(event, 'event_id') ?? null;
  tellTaken(draft, given, eventId);
  const sent = sendUpdate(draft, { ...event, session }, { given, session, eventId, text });
  if (!sent) return;
  if (!wasLobby) return draft.set({ settling: 0 });
  const effective = mergeSession(draft.state.session, without(given, ...readOnly));
  // What upstream will really have: a voice that could not be sent is not in effect.
  const shown = session === given ? effective : keepVoice(effective, draft.state.session, session);
  draft.set({ session: shown, settling: draft.state.settling + 1 });
  draft.tell({ type: 'session.updated', session: shown });
}

function sendUpdate(
  draft: BridgeDraft,
  event: JsonObject,
  facts: {
    readonly given: JsonObject;
    readonly session: JsonObject;
    readonly eventId: string | null;
    readonly text: UpText;
  },
): boolean {
  const { given, session, eventId, text } = facts;
  const hasVoice = voiceIn(session) !== undefined;
  if (hasVoice || draft.lobby) {
    const kind = hasVoice ? 'voice' : 'mapped';
    return draft.upAs({ kind, callerEventId: eventId, ...(hasVoice && { event }) }, event);
  }
  return draft.up(session === given ? text : JSON.stringify(event), { eventId });
}

/** The very same object where nothing of it has to change. */
function forUpstream(draft: BridgeDraft, given: JsonObject): JsonObject {
  let session = without(given, ...readOnly);
  const voice = voiceIn(session);
  if (voice !== undefined && !isVoiceSafe(draft.state)) {
    session = withoutVoice(session);
    const same = voice === voiceIn(draft.state.session);
    draft.set({ voice: { ...draft.state.voice, pending: same ? undefined : voice } });
    session = { ...session, instructions: instructionsOf(draft, session) };
  } else if (typeof session['instructions'] === 'string' && draft.state.voice.pending !== undefined) {
    session = { ...session, instructions: instructionsOf(draft, session) };
  }
  if (voice !== undefined && isVoiceSafe(draft.state))
    draft.set({ voice: { ...draft.state.voice, pending: undefined } });
  return withToolsBeside(draft, session);
}

function instructionsOf({ state }: BridgeDraft, session: JsonObject): string {
  const own = textAt(session, 'instructions') ?? textAt(state.session, 'instructions') ?? '';
  return styled(own, state.voice.pending);
}

function keepVoice(effective: JsonObject, before: JsonObject, sent: JsonObject): JsonObject {
  if (voiceIn(sent) !== undefined || voiceIn(before) === undefined) return effective;
  return mergeSession(effective, { audio: { output: { voice: voiceIn(before) } } });
}

/**
 * Upstream's own `session.created`. The caller had one from us, and more than one ends strict clients: it is shown as
 * `session.updated`, which every SDK takes at any time, and only where no update of ours or the caller's is to follow,
 * whose answer shows the same and more.
 */
export function sessionCreated(draft: BridgeDraft, event: JsonObject): void {
  const { state } = draft;
  if (state.phase !== 'connecting') return;
  draft.do({ type: 'stop_timer', name: 'open' });
  if (state.lobbyWait === 'on') draft.do({ type: 'stop_timer', name: 'lobby' });
  draft.set({ phase: 'ready', heldChars: 0, lobbyWait: 'off' });
  const session = objectAt(event, 'session');
  noteDetection(draft, session);
  const setup = withTools(draft, session);
  const quiet = Object.keys(setup).length === 0 && state.settling === 0;
  if (quiet && session) showSession(draft, { ...event, type: 'session.updated' }, session);
  if (Object.keys(setup).length > 0) {
    const type = textAt(session, 'type') ?? 'realtime';
    draft.upAs(
      { kind: 'setup', callerEventId: null },
      { type: 'session.update', session: { type, ...setup } },
    );
    if (state.settling > 0) draft.set({ settling: state.settling + 1 });
  }
  draft.do({ type: 'release_held' });
  draft.do({ type: 'ready' });
}

/** With ours; upstream's own go on where nobody has named any. What the lobby has held comes after it. */
function withTools(draft: BridgeDraft, session: JsonObject | undefined): JsonObject {
  const { setup, tools, callersTools } = draft.state;
  const named = Array.isArray(setup['tools']) ? setup['tools'] : session?.['tools'];
  const first: readonly unknown[] = Array.isArray(named) ? named : [];
  if (callersTools === null) draft.set({ callersTools: first });
  return tools.length === 0 ? setup : { ...setup, tools: withOurs(draft.state, first) };
}

/** Upstream's answer to an update. Those to the lobby's come one after the other: the last of them is shown. */
export function sessionUpdated(draft: BridgeDraft, event: JsonObject): void {
  const session = objectAt(event, 'session');
  noteDetection(draft, session);
  const { settling } = draft.state;
  if (settling > 0) draft.set({ settling: settling - 1 });
  if (session && settling <= 1) showSession(draft, event, session);
}

function noteDetection(draft: BridgeDraft, session: JsonObject | undefined): void {
  const detection = objectAt(session, 'audio', 'input')?.['turn_detection'];
  const off = detection === null || (isObject(detection) && detection['create_response'] === false);
  draft.set({ detection: off ? 'off' : 'on' });
  if (detection === null) heardTurn(draft, 'none');
}

function showSession(draft: BridgeDraft, event: JsonObject, session: JsonObject): void {
  const { state } = draft;
  const { tools, instructions } = session;
  const shown: JsonObject = {
    ...session,
    id: state.session['id'],
    ...(typeof instructions === 'string' && { instructions: unstyled(instructions, state.voice.pending) }),
    ...(Array.isArray(tools) && {
      tools: withoutOurs(state.tools, tools),
    }),
  };
  draft.set({ session: shown });
  draft.tell({ ...event, session: shown });
}

/** Somebody begins to speak, or has ended. */
export function heardTurn(draft: BridgeDraft, turn: BridgeState['input']['turn']): void {
  if (draft.state.input.turn !== turn) draft.set({ input: { ...draft.state.input, turn } });
}
