// The input audio buffer: positions of what was appended, taken, cleared, and of the speech under way. Positions only
// grow, and every sample is taken by one item at most.
import type { ServerEvent } from '../wire/server-events.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { hear, refuseUnheard } from './hearing.ts';
import { addItem, lastItemId, refuseFull } from './items.ts';
import { interruptByTurn, requestByTurn } from './response.ts';
import type { Draft } from './state.ts';

/** What a commit must hold at least, as OpenAI has it. */
const commitMsMin = 100;

const toMs = (samples: number) => Math.round((samples * 1000) / sessionRateHz);
const within = (sample: number, from: number, to: number) => Math.min(Math.max(sample, from), to);

export function appended(draft: Draft, samples: number): void {
  const { input } = draft.state;
  draft.set({ input: { ...input, endSample: input.endSample + samples } });
}

/** Bounded buffers lose the oldest, and say so once each time it begins. */
export function dropped(draft: Draft, toSample: number, why: string): void {
  const { input } = draft.state;
  if (toSample <= input.startSample) return;
  draft.set({ input: { ...input, startSample: Math.min(toSample, input.endSample) } });
  if (why) draft.fault('lobby_audio_dropped', why);
}

export function cleared(draft: Draft): void {
  const { input } = draft.state;
  forgetTurn(draft);
  draft.set({ input: { ...input, startSample: input.endSample, turn: null } });
  draft.do({ type: 'drop_audio', toSample: input.endSample });
  draft.do({ type: 'reset_turn_detection' });
  draft.send({ type: 'input_audio_buffer.cleared' });
}

/** The turn under way will not become an item. */
export function forgetTurn(draft: Draft): void {
  const { turn } = draft.state.input;
  if (turn && draft.state.abilities.hears === 'words') draft.do({ type: 'forget_item', itemId: turn.itemId });
}

/** A commit by the client: push to talk. It makes the item; the client asks for the answer. */
export function committed(draft: Draft, eventId: string | undefined): void {
  if (refuseUnheard(draft, null, eventId)) return;
  const { input } = draft.state;
  const ms = Math.floor(((input.endSample - input.startSample) * 1000) / sessionRateHz);
  if (ms < commitMsMin) {
    const message = `Error committing input audio buffer: buffer too small. Expected at least ${commitMsMin}ms of audio, but buffer only has ${ms}ms of audio.`;
    return draft.error('input_audio_buffer_commit_empty', message, { eventId });
  }
  if (refuseFull(draft, 0, eventId)) return;
  const itemId = input.turn?.itemId ?? draft.newId('item');
  draft.do({ type: 'reset_turn_detection' });
  take(draft, itemId, input.startSample, input.endSample);
}

export function speechStarted(draft: Draft, atSample: number, atMs?: number): void {
  const { input, session } = draft.state;
  const detection = session.audio.input.turn_detection;
  if (input.turn || !detection) return;
  const itemId = draft.newId('item');
  const startSample = within(atSample, input.startSample, input.endSample);
  draft.set({ input: { ...input, turn: { itemId, startSample } } });
  draft.send(turnBegun({ itemId, startSample }));
  if (draft.state.phase === 'ready' && draft.state.abilities.hears === 'words') {
    const { language = null } = session.audio.input.transcription ?? {};
    draft.do({ type: 'listen', itemId, fromSample: startSample, language });
  }
  // Early input is heard faster than it was spoken: its turns did not interrupt anybody.
  const live = startSample >= input.catchUpSample;
  if (live && detection.interrupt_response) interruptByTurn(draft, atMs);
}

export function turnBegun(turn: { readonly itemId: string; readonly startSample: number }): ServerEvent {
  const { itemId, startSample } = turn;
  const type = 'input_audio_buffer.speech_started';
  return { type, audio_start_ms: toMs(startSample), item_id: itemId };
}

export function speechStopped(draft: Draft, atSample: number): void {
  const { input, session } = draft.state;
  const { turn } = input;
  if (!turn) return;
  // The beginning may have been dropped since.
  const startSample = Math.max(turn.startSample, input.startSample);
  const endSample = within(atSample, startSample, input.endSample);
  draft.send({
    type: 'input_audio_buffer.speech_stopped',
    audio_end_ms: toMs(endSample),
    item_id: turn.itemId,
  });
  take(draft, turn.itemId, startSample, endSample);
  if (session.audio.input.turn_detection?.create_response) requestByTurn(draft);
}

/** `transcript` where it is known that nothing was said. */
export function take(
  draft: Draft,
  itemId: string,
  fromSample: number,
  toSample: number,
  transcript: '' | null = null,
): void {
  const { input } = draft.state;
  draft.set({ input: { ...input, startSample: toSample, turn: null } });
  draft.do({ type: 'keep_audio', itemId, fromSample, toSample });
  draft.do({ type: 'drop_audio', toSample });
  draft.send({ type: 'input_audio_buffer.committed', item_id: itemId, previous_item_id: lastItemId(draft) });
  addItem(draft, {
    id: itemId,
    object: 'realtime.item',
    type: 'message',
    status: 'completed',
    role: 'user',
    content: [{ type: 'input_audio', transcript }],
  });
  if (transcript === null) hear(draft, itemId);
}
