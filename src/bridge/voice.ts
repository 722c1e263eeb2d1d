// The voice of a bridged call. Upstream refuses another voice once the assistant's audio is in the conversation, and the
// whole update with it: so a voice is sent only where it is safe. Otherwise it is pending: the instructions ask for its
// manner meanwhile, and the caller goes on to be shown the voice that is in effect.
import { isObject, type JsonObject, objectAt, textAt } from '../wire/json.ts';
import type { BridgeDraft } from './draft.ts';
import type { BridgeState } from './state.ts';

/** Of a session, or of the `response` of a create: a name, or an object with an id. */
export function voiceIn(session: JsonObject | undefined): unknown {
  return objectAt(session, 'audio', 'output')?.['voice'] ?? undefined;
}

/** Without its voice; `audio` stays, with what else is in it. */
export function withoutVoice(session: JsonObject): JsonObject {
  const audio = objectAt(session, 'audio') ?? {};
  const { voice: _, ...output } = objectAt(audio, 'output') ?? {};
  const { output: __, ...rest } = audio;
  const left = Object.keys(output).length > 0 ? { ...rest, output } : rest;
  const { audio: ___, ...others } = session;
  return Object.keys(left).length > 0 ? { ...others, audio: left } : others;
}

export function isVoiceSafe({ voice, asked, answering, asides, asidesAnswering }: BridgeState): boolean {
  const running = asked ?? answering ?? (asides.length > 0 || asidesAnswering.size > 0 ? true : null);
  return voice.state === 'free' && running === null;
}

export function styled(instructions: string, voice: unknown): string {
  return voice === undefined ? instructions : `${instructions}${styleOf(voice)}`;
}

/** What the caller wrote: our own line is no business of its. */
export function unstyled(instructions: string, voice: unknown): string {
  const style = voice === undefined ? '' : styleOf(voice);
  return style && instructions.endsWith(style) ? instructions.slice(0, -style.length) : instructions;
}

function styleOf(voice: unknown): string {
  const name =
    typeof voice === 'string' ? voice : (isObject(voice) && textAt(voice, 'id')) || 'of the caller';
  return `\n\nSpeak in the manner of the voice "${name.slice(0, 256)}".`;
}

/** A voice that waited is sent when it may be: the conversation has no audio, and nothing runs. */
export function applyPendingVoice(draft: BridgeDraft): void {
  const { state } = draft;
  const { pending } = state.voice;
  if (pending === undefined || state.phase !== 'ready' || !isVoiceSafe(state)) return;
  const type = textAt(state.session, 'type') ?? 'realtime';
  const instructions = textAt(state.session, 'instructions');
  const session = {
    ...{ type, audio: { output: { voice: pending } } },
    ...(instructions !== undefined && { instructions }),
  };
  const event = { type: 'session.update', session };
  draft.set({ voice: { ...state.voice, pending: undefined } });
  draft.upAs({ kind: 'voice', callerEventId: null, event }, event);
}

/** Upstream refused a switch after all, which its own response had overtaken: the rest of the update goes again. */
export function voiceRefused(draft: BridgeDraft, update: JsonObject, callerEventId: string | null): void {
  const session = objectAt(update, 'session') ?? {};
  const pending = voiceIn(session);
  draft.set({ voice: { state: 'locked', pending } });
  const own = textAt(session, 'instructions') ?? textAt(draft.state.session, 'instructions') ?? '';
  const again = { ...withoutVoice(session), instructions: styled(own, pending) };
  draft.upAs({ kind: 'mapped', callerEventId }, { ...update, session: again });
}
