// A response ends once: the caller is told of its end by upstream, or by us, and not again.
import { type JsonObject, objectAt, textAt } from '../wire/json.ts';
import type { BridgeDraft } from './draft.ts';

/** Ends come again soon or never. */
const rememberedMax = 64;

/** Whether its end was told before; from now on it was. */
export function isDoneAgain(draft: BridgeDraft, event: JsonObject): boolean {
  const id = textAt(objectAt(event, 'response'), 'id');
  if (id === undefined) return false;
  const { done } = draft.state;
  if (done.includes(id)) return true;
  draft.set({ done: [...done, id].slice(-rememberedMax) });
  return false;
}
