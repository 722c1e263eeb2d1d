// What the gateway itself has said by upstream: the result of work beside the call, and whatever the model has to say once
// a call of ours is answered. It waits until nothing is said and nobody speaks, cancels nothing, and gives way.
import { type JsonObject, objectAt, textAt } from '../wire/json.ts';
import type { BridgeDraft } from './draft.ts';
import type { Speech, SpeechOutcome } from './state.ts';
import { callersTools } from './tools.ts';
import { styled } from './voice.ts';

/** It gives way so often to what upstream says by itself. */
const attemptsMax = 8;

/** The model goes on by itself, after a call of ours. */
export const goesOn = ({ instructions }: Speech): boolean => instructions === null;

/** The next one that may begin now. */
export function nextSpeech({ state }: BridgeDraft): Speech | undefined {
  const { phase, asked, answering, speech, speeches } = state;
  return phase !== 'ready' || asked || answering || speech !== 'none' ? undefined : speeches[0];
}

/** The `response` of its create. It is not asked to do anything but to say this; who has called is not to call again. */
export function responseOf({ state }: BridgeDraft, speech: Speech): JsonObject {
  const { instructions, voice, metadata } = speech;
  if (instructions === null)
    return { tools: callersTools(state, state.session['tools']), tool_choice: 'auto' };
  return {
    ...{ instructions, tool_choice: 'none', ...(metadata && { metadata }) },
    ...(voice !== null && { audio: { output: { voice } } }),
  };
}

/** Upstream has refused it, or it has failed: whether it is said again. Later where upstream was busy; else with the manner of a voice in place of the voice. */
export function saidAgain(draft: BridgeDraft, speech: Speech, error: JsonObject | undefined): boolean {
  const attempts = speech.attempts + 1;
  const { voice } = speech;
  if (attempts >= attemptsMax) return false;
  const busy = textAt(error, 'code') === 'conversation_already_has_active_response';
  if (!busy && voice === null) return false;
  if (textAt(error, 'code') === 'cannot_update_voice')
    draft.set({ voice: { ...draft.state.voice, state: 'locked' } });
  const own = speech.instructions ?? '';
  const again = busy ? speech : { ...speech, voice: null, instructions: styled(own, voice) };
  draft.set({ speeches: [{ ...again, attempts }, ...draft.state.speeches] });
  return true;
}

/** The response that it was said by has ended. */
export function spoken(draft: BridgeDraft, speech: Speech, response: JsonObject): void {
  const outcome = outcomeOf(response);
  const error = objectAt(response, 'status_details', 'error');
  if (outcome.state === 'failed' && speech.voice !== null && saidAgain(draft, speech, error)) return;
  speechEnded(draft, speech, outcome);
}

/** A response has ended in which a tool of ours may have been called: who has said something beside it, called a tool of the caller's, or was interrupted, is not asked to go on. */
export function callsEnded(draft: BridgeDraft, response: JsonObject): void {
  const { speeches, items } = draft.state;
  if (!speeches.some(goesOn)) return;
  const hidden = new Set(items.filter(({ shown }) => shown === 'no').map(({ id }) => id));
  const output = Array.isArray(response['output']) ? response['output'] : [];
  const silent = output.every((item) => hidden.has(String((item as JsonObject | null)?.['id'])));
  if (silent && response['status'] === 'completed') return;
  draft.set({ speeches: speeches.filter((speech) => !goesOn(speech)) });
}

export function unspeak(draft: BridgeDraft, id: string, message: string): void {
  const { speeches } = draft.state;
  const speech = speeches.find((each) => each.id === id);
  if (!speech) return;
  draft.set({ speeches: speeches.filter((each) => each !== speech) });
  speechEnded(draft, speech, { state: 'failed', code: 'deadline_exceeded', message });
}

export function speechEnded(draft: BridgeDraft, { id }: Speech, outcome: SpeechOutcome): void {
  draft.do({ type: 'speech_ended', id, outcome });
}

function outcomeOf(response: JsonObject): SpeechOutcome {
  const status = textAt(response, 'status');
  if (status === 'completed') return { state: 'spoken' };
  if (status === 'cancelled' || status === 'incomplete') return { state: 'cut' };
  const error = objectAt(response, 'status_details', 'error');
  const message = textAt(error, 'message') ?? `the response ended as ${status ?? 'nothing known'}`;
  return { state: 'failed', code: textAt(error, 'code') ?? 'upstream_refused', message };
}

/** Upstream tells of speech where it looks for it. */
export function noteSpeech(draft: BridgeDraft, type: string): void {
  const { detection, speech } = draft.state;
  if (type === 'input_audio_buffer.speech_started') draft.set({ speech: 'heard' });
  if (type === 'input_audio_buffer.speech_stopped' && speech === 'heard')
    draft.set({ speech: detection === 'on' ? 'answered' : 'none' });
  if (type === 'input_audio_buffer.cleared') draft.set({ speech: 'none' });
  if (type.startsWith('response.') && speech === 'answered') draft.set({ speech: 'none' });
}
