// `conversation.item.truncate`: the listener heard no more than this of an answer. Clients ask for a little more than
// there is all the time: the end is clamped, not refused.
import type { ClientEventOf } from '../wire/client-schema.ts';
import type { Item } from '../wire/items.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { findItem, replaceItem } from './items.ts';
import {
  heardByCaller,
  nothingSpoken,
  type SpokenAnswer,
  samplesHeard,
  tellHeard,
  textHeard,
} from './spoken.ts';
import type { ActiveResponse, Draft } from './state.ts';

type Truncate = ClientEventOf<'conversation.item.truncate'>;

const samplesPerMs = sessionRateHz / 1000;

export function truncateItem(draft: Draft, event: Truncate): void {
  const { response, spoken } = draft.state;
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
  const heardSamples = Math.floor(event.audio_end_ms) * samplesPerMs;
  const before = running ?? spoken.get(item.id) ?? nothingSpoken;
  const after = heardByCaller(before, heardSamples);
  if (running) draft.set({ response: { ...running, heard: after.heard } });
  else if (samplesHeard(after) !== samplesHeard(before)) cutToHeard(draft, item, after);
  tellHeard(draft, item.id, after);
}

function isSpoken(item: Item, running: ActiveResponse | null): boolean {
  if (running) return running.modality === 'audio';
  return item.type === 'message' && item.content[0]?.type === 'output_audio';
}

/** What was said beyond the cut is unknown to the listener: its text goes with it. */
export function cutToHeard(draft: Draft, item: Item, spoken: SpokenAnswer): void {
  const content = [{ type: 'output_audio', transcript: textHeard(spoken) }] as const;
  replaceItem(draft, item, { ...item, content } as Item);
  draft.set({ spoken: new Map(draft.state.spoken).set(item.id, spoken) });
}
