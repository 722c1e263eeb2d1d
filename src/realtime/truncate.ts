// `conversation.item.truncate`: the listener heard no more than this of an answer. Clients ask for a little more than
// there is all the time: the end is clamped, not refused.
import type { ClientEventOf } from '../wire/client-schema.ts';
import type { Item } from '../wire/items.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { heardText } from './heard-text.ts';
import { findItem, replaceItem } from './items.ts';
import type { ActiveResponse, Draft } from './state.ts';

type Truncate = ClientEventOf<'conversation.item.truncate'>;

const samplesPerMs = sessionRateHz / 1000;

export function truncateItem(draft: Draft, event: Truncate): void {
  const { response, spokenSamples } = draft.state;
  const eventId = event.event_id;
  const item = findItem(draft, 'truncate', event);
  if (!item) return;
  const running = response?.itemId === item.id ? response : null;
  if (!isSpoken(item, running)) {
    const message = 'Only model output audio messages can be truncated';
    return draft.error('unsupported_content_type', message, { param: 'item_id', eventId });
  }
  if (event.content_index !== 0) {
    const message = `Item '${item.id}' can be truncated at content_index 0 only.`;
    return draft.error('invalid_value', message, { param: 'content_index', eventId });
  }
  const heldSamples = running ? (running.heardSamples ?? running.samples) : (spokenSamples.get(item.id) ?? 0);
  const heardSamples = Math.min(Math.floor(event.audio_end_ms) * samplesPerMs, heldSamples);
  if (running) draft.set({ response: { ...running, heardSamples } });
  else if (heardSamples < heldSamples) cut(draft, item, heardSamples);
  draft.send({
    type: 'conversation.item.truncated',
    item_id: item.id,
    content_index: 0,
    audio_end_ms: Math.floor(heardSamples / samplesPerMs),
  });
}

function isSpoken(item: Item, running: ActiveResponse | null): boolean {
  if (running) return running.modality === 'audio';
  return item.type === 'message' && item.content[0]?.type === 'output_audio';
}

/** What was said beyond the cut is unknown to the listener: its text goes with it. */
function cut(draft: Draft, item: Item, heardSamples: number): void {
  const { spokenSamples, spokenPieces } = draft.state;
  const [part] = item.type === 'message' ? item.content : [];
  const text = part?.type === 'output_audio' ? (part.transcript ?? '') : '';
  const samples = spokenSamples.get(item.id) ?? 0;
  const transcript = heardText(text, spokenPieces.get(item.id) ?? [], { samples, heardSamples });
  const content = [{ type: 'output_audio', transcript }] as const;
  replaceItem(draft, item, { ...item, content } as Item);
  draft.set({
    spokenSamples: new Map(spokenSamples).set(item.id, heardSamples),
  });
}
