// `idle_timeout_ms`: a caller who says nothing for so long after an answer has been played is spoken to. The time counts
// from the end of the answer and as long as that takes to be played, as OpenAI has it.
import type { ResponseObject } from '../wire/server-events.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { take } from './input.ts';
import { refusesMore } from './items.ts';
import { requestByTurn } from './response.ts';
import type { ActiveResponse, Conversation, Draft } from './state.ts';

const samplesPerMs = sessionRateHz / 1000;

/** A response of the conversation has ended. One that failed is no reason to ask again and again. */
export function armIdle(
  draft: Draft,
  { conversation, doneSamples }: ActiveResponse,
  { status, status_details: details }: Pick<ResponseObject, 'status' | 'status_details'>,
): void {
  const timeoutMs = timeoutOf(draft.state);
  const over = status !== 'failed' && details?.reason !== 'turn_detected';
  if (timeoutMs === null || conversation !== 'auto' || !over) return;
  draft.set({ idleMs: timeoutMs + Math.round(doneSamples / samplesPerMs) });
}

/** Whoever speaks, asks or is answered is not idle: the last thing of every step. */
export function watchIdle(draft: Draft, beforeMs: number | null): void {
  const { idleMs, phase, response, waiting, input } = draft.state;
  const over = phase !== 'ready' || response || waiting || input.turn || timeoutOf(draft.state) === null;
  if (idleMs !== null && over) draft.set({ idleMs: null });
  const ms = draft.state.idleMs;
  if (ms !== beforeMs) draft.do({ type: 'idle_wait', ms });
}

/** The silence becomes an item, and is answered. Nothing was said in it: that is known, and not asked of what hears. */
export function idleTimedOut(draft: Draft): void {
  const { idleMs, input, abilities } = draft.state;
  const timeoutMs = timeoutOf(draft.state);
  if (idleMs === null || timeoutMs === null) return;
  draft.set({ idleMs: null });
  if (refusesMore(draft, 0)) return;
  const itemId = draft.newId('item');
  const { endSample, startSample } = input;
  draft.send({
    type: 'input_audio_buffer.timeout_triggered',
    audio_start_ms: Math.round(Math.max(0, endSample / samplesPerMs - timeoutMs)),
    audio_end_ms: Math.round(endSample / samplesPerMs),
    item_id: itemId,
  });
  draft.do({ type: 'reset_turn_detection' });
  const fromSample = Math.max(startSample, endSample - timeoutMs * samplesPerMs);
  take(draft, itemId, fromSample, endSample, abilities.hears === 'words' ? '' : null);
  requestByTurn(draft, 'silence');
}

function timeoutOf({ session }: Conversation): number | null {
  const detection = session.audio.input.turn_detection;
  return detection?.type === 'server_vad' ? detection.idle_timeout_ms : null;
}
