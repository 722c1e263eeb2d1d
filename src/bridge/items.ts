// The items of a bridged conversation, as far as they pass through: which there are, how much audio of each was received,
// and what was said, for the record and for work beside the conversation.
import { type ContentPart, charsOf, type Item } from '../wire/items.ts';
import { isObject, type JsonObject, textAt } from '../wire/json.ts';
import { type AudioFormat, g711RateHz } from '../wire/session-config.ts';
import type { BridgeDraft } from './draft.ts';
import type { BridgeState, KnownItem } from './state.ts';

/** The oldest go beyond it: the model has forgotten them long before. */
const itemsMax = 2000;
/** Of the text of all of them; what a caller makes upstream keep is not kept here as well. */
const itemCharsMax = 16 * 1024 * 1024;
const deletingMax = 100;

export function knownItem({ items }: BridgeState, id: string): KnownItem | undefined {
  return items.findLast((known) => known.id === id);
}

/** Ms of audio of it that was received. */
export function audioMsOf({ spoken }: BridgeState, known: KnownItem): number {
  return spoken.itemId === known.id ? spoken.ms : known.audioMs;
}

/** What one side of the session's audio has: 48 a millisecond for PCM16 at 24 kHz. */
export function bytesPerMs(format: unknown): number {
  const { type, rate } = (isObject(format) ? format : {}) as Partial<AudioFormat> & { rate?: number };
  if (type === 'audio/pcmu' || type === 'audio/pcma') return g711RateHz / 1000;
  return ((typeof rate === 'number' && rate > 0 ? rate : 24_000) * 2) / 1000;
}

/** As a transcript and the record have it; null for what is neither said nor called. */
function toItem(given: JsonObject): Item | null {
  const status = given['status'];
  const head = {
    id: textAt(given, 'id') ?? '',
    object: 'realtime.item',
    status: status === 'in_progress' || status === 'incomplete' ? status : 'completed',
  } as const;
  const callId = textAt(given, 'call_id') ?? '';
  switch (given['type']) {
    case 'message': {
      const role = given['role'] === 'assistant' || given['role'] === 'system' ? given['role'] : 'user';
      const parts = Array.isArray(given['content']) ? given['content'].filter(isObject) : [];
      return { ...head, type: 'message', role, content: parts.flatMap(toPart) };
    }
    case 'function_call':
      return {
        ...{ ...head, type: 'function_call', call_id: callId },
        ...{ name: textAt(given, 'name') ?? '', arguments: textAt(given, 'arguments') ?? '' },
      };
    case 'function_call_output':
      return {
        ...head,
        type: 'function_call_output',
        call_id: callId,
        output: textAt(given, 'output') ?? '',
      };
    default:
      return null;
  }
}

function toPart(part: JsonObject): readonly ContentPart[] {
  switch (part['type']) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return [
        {
          type: part['type'] === 'input_text' ? 'input_text' : 'output_text',
          text: textAt(part, 'text') ?? '',
        },
      ];
    case 'input_audio':
      return [{ type: 'input_audio', transcript: textAt(part, 'transcript') ?? null }];
    case 'output_audio':
    case 'audio':
      return [{ type: 'output_audio', transcript: textAt(part, 'transcript') ?? null }];
    default:
      return [];
  }
}

/** Puts it where it belongs, or what has become of it in its place. */
export function putItem(
  draft: BridgeDraft,
  given: JsonObject,
  { afterId, shown = 'yes' }: { readonly afterId?: string | null; readonly shown?: KnownItem['shown'] } = {},
): KnownItem | undefined {
  const id = textAt(given, 'id');
  if (id === undefined || draft.state.deleting.has(id)) return undefined;
  const { items } = draft.state;
  const before = knownItem(draft.state, id);
  const item = keepTranscripts(toItem(given), before?.item ?? null);
  const known: KnownItem = {
    ...{ id, audioMs: 0, cutMs: null, shown, ...before },
    ...{ item, chars: item ? charsOf(item) : 0 },
  };
  if (before) {
    draft.set({ items: bounded(items.with(items.lastIndexOf(before), known)) });
    return known;
  }
  const at = afterId === null ? 0 : items.findLastIndex((other) => other.id === afterId) + 1;
  const index = afterId === undefined || (afterId !== null && at === 0) ? items.length : at;
  draft.set({ items: bounded(items.toSpliced(index, 0, known)) });
  return known;
}

function bounded(items: readonly KnownItem[]): readonly KnownItem[] {
  let over = items.reduce((sum, { chars }) => sum + chars, -itemCharsMax);
  let from = Math.max(0, items.length - itemsMax);
  for (const { chars } of items.slice(0, from)) over -= chars;
  for (; over > 0 && from < items.length - 1; from += 1) over -= items[from]?.chars ?? 0;
  return from === 0 ? items : items.slice(from);
}

/** `done` may come after the transcript, and without it. */
function keepTranscripts(item: Item | null, before: Item | null): Item | null {
  if (item?.type !== 'message' || before?.type !== 'message') return item;
  const content = item.content.map((part, index) => {
    const old = before.content[index];
    if (!('transcript' in part) || part.transcript !== null || !old || !('transcript' in old)) return part;
    return { ...part, transcript: old.transcript };
  });
  return { ...item, content };
}

/** The item that stands before this one, of those that the caller sees. */
export function shownBefore({ items }: BridgeState, id: string | null): string | null {
  if (id === null) return null;
  const at = items.findLastIndex((known) => known.id === id);
  if (at === -1 || items[at]?.shown === 'yes') return id;
  return items.slice(0, at).findLast(({ shown }) => shown === 'yes')?.id ?? null;
}

/** `asked`: upstream has been asked to, and has not said that it is gone. */
export function dropItem(draft: BridgeDraft, id: string, state: 'asked' | 'gone'): void {
  const { items, deleting } = draft.state;
  const others = [...deleting].filter((other) => other !== id).slice(-deletingMax);
  draft.set({
    items: items.filter((known) => known.id !== id),
    deleting: new Set(state === 'asked' ? [...others, id] : others),
  });
}

export function changeItem(draft: BridgeDraft, known: KnownItem, changes: Partial<KnownItem>): void {
  const { items } = draft.state;
  const at = items.lastIndexOf(known);
  if (at !== -1) draft.set({ items: items.with(at, { ...known, ...changes }) });
}

export function recordItem(draft: BridgeDraft, known: KnownItem, stage: 'added' | 'done'): void {
  const { item, id } = known;
  if (!item) return;
  const { items } = draft.state;
  const previous = items[items.findLastIndex((other) => other.id === id) - 1]?.id ?? null;
  draft.do({
    type: 'record',
    event: { type: `conversation.item.${stage}`, previous_item_id: previous, item },
  });
}

/** What was said so far: gateway's own calls left out. */
export function transcriptOf({ items, partial }: BridgeState): readonly Item[] {
  return items.flatMap(({ item, shown }) => {
    if (!item || shown === 'no') return [];
    return [
      item.id === partial.itemId && item.status === 'in_progress' ? withText(item, partial.text) : item,
    ];
  });
}

/** A message of the assistant's that is being made, as far as it is. */
export function withText(item: Item, text: string): Item {
  if (item.type !== 'message' || text === '') return item;
  const [part] = item.content;
  const said = part?.type === 'output_text' ? { ...part, text } : { type: 'output_audio', transcript: text };
  return { ...item, content: [said as ContentPart] };
}

/** The audio of a delta counts for its item, whatever runs beside it. */
export function heardAudio(draft: BridgeDraft, itemId: string, bytes: number): void {
  const { state } = draft;
  const ms = bytes / bytesPerMs(state.outputFormat);
  if (state.spoken.itemId === itemId) {
    draft.set({ spoken: { itemId, ms: state.spoken.ms + ms } });
  } else {
    settleSpoken(draft);
    const known = knownItem(draft.state, itemId);
    draft.set({ spoken: { itemId, ms: (known?.audioMs ?? 0) + ms } });
  }
  if (state.voice.state === 'free') draft.set({ voice: { ...draft.state.voice, state: 'audible' } });
}

function settleSpoken(draft: BridgeDraft): void {
  const { spoken } = draft.state;
  const known = knownItem(draft.state, spoken.itemId);
  if (known) changeItem(draft, known, { audioMs: spoken.ms });
}

/** About what was heard of a text, where only its length in ms is known: whole words. */
export function aboutHeard(text: string, heardMs: number, wholeMs: number): string {
  if (wholeMs <= 0 || heardMs >= wholeMs) return text;
  const cut = text.slice(0, Math.floor((text.length * heardMs) / wholeMs));
  return cut.slice(0, Math.max(0, cut.lastIndexOf(' ')));
}
