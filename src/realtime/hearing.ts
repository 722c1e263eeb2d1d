// What the caller said, written down: one item at a time, in the order of its coming. The transcript becomes part of the
// item, and an answer waits for it. Only where the pipeline hears words.
import type { Item, MessageItem } from '../wire/items.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { replaceItem } from './items.ts';
import type { Conversation, Draft, Unheard } from './state.ts';

/** The item has audio that nobody has written down. */
export function hear(draft: Draft, itemId: string): void {
  if (draft.state.abilities.hears === 'words') mark(draft, itemId, { state: 'waiting' });
}

/** The client asks for an answer: what could not be heard of what it answers is tried once more. */
export function hearAgain(draft: Draft): void {
  for (const { id } of sinceAnswer(draft.state.items)) againIfUnheard(draft, id);
}

export function againIfUnheard(draft: Draft, itemId: string): void {
  if (draft.state.unheard.get(itemId)?.state === 'failed') mark(draft, itemId, { state: 'waiting' });
}

/** Whether the client was told that its audio is of no use here. */
export function refuseUnheard(draft: Draft, param: string | null, eventId: string | undefined): boolean {
  if (draft.state.abilities.hears !== 'nothing') return false;
  draft.error('audio_input_unsupported', nobodyHears(draft.state.session.model), { param, eventId });
  return true;
}

export function nobodyHears(pipeline: string): string {
  return `pipeline ${pipeline} has nothing that hears (no \`hear\`): send text, or choose another pipeline`;
}

/** Asks for the next one, when nobody is asked. Not in the lobby: what hears may not be there yet. */
export function transcribeNext(draft: Draft): void {
  const { unheard, phase, session } = draft.state;
  if (phase !== 'ready' || unheard.size === 0) return;
  const all = [...unheard];
  if (all.some(([, { state }]) => state === 'asked')) return;
  const [itemId] = all.find(([, { state }]) => state === 'waiting') ?? [];
  if (itemId === undefined) return;
  mark(draft, itemId, { state: 'asked', delta: '' });
  const { language = null } = session.audio.input.transcription ?? {};
  draft.do({ type: 'transcribe', itemId, language });
}

/** Deltas only ever add. What the engine takes back of what was told is told by the end. */
export function transcript(draft: Draft, itemId: string, text: string): void {
  const asked = askedItem(draft, itemId);
  if (!asked || text.length <= asked.delta.length || !text.startsWith(asked.delta)) return;
  mark(draft, itemId, { state: 'asked', delta: text });
  const type = 'conversation.item.input_audio_transcription.delta';
  draft.send({ type, ...addressOf(asked.item), delta: text.slice(asked.delta.length) });
}

export function transcriptEnded(draft: Draft, itemId: string, text: string, samples: number): void {
  const asked = askedItem(draft, itemId);
  if (!asked) return;
  const { item } = asked;
  mark(draft, itemId, null);
  const address = addressOf(item);
  const content = item.content.map((part, index) =>
    index === address.content_index ? ({ type: 'input_audio', transcript: text } as const) : part,
  );
  replaceItem(draft, item, { ...item, content });
  draft.send({
    type: 'conversation.item.input_audio_transcription.completed',
    ...address,
    transcript: text,
    usage: { type: 'duration', seconds: samples / sessionRateHz },
  });
}

export function transcriptFailed(draft: Draft, itemId: string, code: string, message: string): void {
  const asked = askedItem(draft, itemId);
  if (!asked) return;
  mark(draft, itemId, { state: 'failed', code, message });
  draft.send({
    type: 'conversation.item.input_audio_transcription.failed',
    ...addressOf(asked.item),
    error: { type: 'server_error', code, message },
  });
}

/** What there is to answer: words, nothing but silence, speech that is still being written down, or could not be. */
export type ToAnswer =
  | { readonly state: 'words' | 'silence' | 'hearing' }
  | Extract<Unheard, { state: 'failed' }>;

/** Of what has come since the last answer. Words are answered, whatever could not be heard beside them. */
export function toAnswer({ items, unheard, abilities }: Conversation): ToAnswer {
  if (abilities.hears !== 'words') return { state: 'words' };
  const open = [...unheard.values()];
  if (open.some(({ state }) => state !== 'failed')) return { state: 'hearing' };
  const since = sinceAnswer(items);
  if (since.some(hasWords)) return { state: 'words' };
  const failed = since.map(({ id }) => unheard.get(id)).findLast((one) => one?.state === 'failed');
  return failed ?? { state: 'silence' };
}

function sinceAnswer(items: readonly Item[]): readonly Item[] {
  return items.slice(items.findLastIndex(isAnswer) + 1);
}

function isAnswer(item: Item): boolean {
  return item.type === 'function_call' || (item.type === 'message' && item.role === 'assistant');
}

function hasWords(item: Item): boolean {
  if (item.type !== 'message') return true;
  return item.content.some((part) => ('text' in part ? part.text : (part.transcript ?? '')).trim() !== '');
}

function mark(draft: Draft, itemId: string, how: Unheard | null): void {
  const unheard = new Map(draft.state.unheard);
  if (how) unheard.set(itemId, how);
  else unheard.delete(itemId);
  draft.set({ unheard });
}

/** One that was deleted, or was not asked for, has nothing to be told. */
function askedItem(draft: Draft, itemId: string) {
  const asked = draft.state.unheard.get(itemId);
  const item = draft.state.items.find(({ id }) => id === itemId);
  if (asked?.state !== 'asked' || item?.type !== 'message') return undefined;
  return { item, delta: asked.delta };
}

export function addressOf({ id, content }: MessageItem) {
  return { item_id: id, content_index: content.findIndex(({ type }) => type === 'input_audio') };
}
