// What the gateway itself has said in a bridged call, and how that ends: exactly once, whatever upstream makes of it.
import { type JsonObject, objectAt, textAt } from '../wire/json.ts';
import type { BridgeDraft } from './draft.ts';
import type { Speech, SpeechOutcome } from './state.ts';
import { styled } from './voice.ts';

/** What the gateway has to say gives way so often to what upstream says by itself. */
const attemptsMax = 8;

export function speechEnded(draft: BridgeDraft, { id }: Speech, outcome: SpeechOutcome): void {
  draft.do({ type: 'speech_ended', id, outcome });
}

export function outcomeOf(response: JsonObject): SpeechOutcome {
  const status = textAt(response, 'status');
  if (status === 'completed') return { state: 'spoken' };
  if (status === 'cancelled' || status === 'incomplete') return { state: 'cut' };
  const error = objectAt(response, 'status_details', 'error');
  const message = textAt(error, 'message') ?? `the response ended as ${status ?? 'nothing known'}`;
  return { state: 'failed', code: textAt(error, 'code') ?? 'upstream_refused', message };
}

/** Upstream has refused its create: it is asked for again where that may help. */
export function speechRefused(draft: BridgeDraft, speech: Speech, error: JsonObject): void {
  const code = textAt(error, 'code') ?? 'upstream_refused';
  const attempts = speech.attempts + 1;
  if (code === 'conversation_already_has_active_response' && attempts < attemptsMax) {
    return draft.set({ speeches: [{ ...speech, attempts }, ...draft.state.speeches] });
  }
  // Whatever was wrong with the voice, what is to be said in it is not lost.
  if (speech.voice !== null && speech.instructions !== null) {
    const instructions = styled(speech.instructions, speech.voice);
    const again = { ...speech, instructions, voice: null, attempts };
    return draft.set({ speeches: [again, ...draft.state.speeches] });
  }
  const message = textAt(error, 'message') ?? 'upstream gave no reason';
  speechEnded(draft, speech, { state: 'failed', code, message });
}

export function unspeak(draft: BridgeDraft, id: string, message: string): void {
  const speech = draft.state.speeches.find((each) => each.id === id);
  if (!speech) return;
  draft.set({ speeches: draft.state.speeches.filter((each) => each !== speech) });
  speechEnded(draft, speech, { state: 'failed', code: 'deadline_exceeded', message });
}
