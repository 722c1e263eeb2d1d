// `truncation`: how much of a long conversation a model is asked with. The oldest goes first; the caller's conversation
// keeps everything. Pure. The tokens of a model are its own, so they are estimated: four bytes of UTF-8 are one.
import type { Item } from '../wire/items.ts';
import type { Truncation } from '../wire/session-config.ts';

/** OpenAI's, of a model that takes 32k tokens and gives 4096. */
const tokensMaxDefault = 28_224;
/** What is left when there is too much: less than would fit, so that the beginning stays the same for a while. */
const ratioDefault = 0.8;
const bytesPerToken = 4;
/** Of every message: who says it. */
const tokensPerItem = 4;

/** A message; or a call with its results, which go together. */
interface Unit {
  readonly items: Item[];
  tokens: number;
}

/**
 * All of it while that is within the limit. Once it is over, the oldest go until it is within the share that is kept, and
 * never come back: where the cut was for one answer it still is for the next. What system messages say is always kept,
 * and the newest of the rest, however long it is. What is left begins with a user, since some models refuse others.
 */
export function retained(items: readonly Item[], truncation: Truncation): readonly Item[] {
  if (truncation === 'disabled') return items;
  const units = keptUnits(items, limitsOf(truncation));
  const rest = items.filter((item) => !isSystem(item));
  const count = units.reduce((sum, unit) => sum + unit.items.length, 0);
  if (count === rest.length) return items;
  const kept = new Set(units.flatMap((unit) => unit.items));
  return items.filter((item) => isSystem(item) || kept.has(item));
}

function keptUnits(
  items: readonly Item[],
  { tokensMax, ratio }: { readonly tokensMax: number; readonly ratio: number },
): readonly Unit[] {
  let kept: Unit[] = [];
  const calls = new Map<string, Unit>();
  let newest: Unit | undefined;
  let tokens = 0;
  let state: 'whole' | 'cut' = 'whole';
  for (const item of items) {
    if (!isSystem(item)) {
      const known = item.type === 'message' ? undefined : calls.get(item.call_id);
      // The result of a call that has gone goes with it.
      if (known && !kept.includes(known)) continue;
      newest = known ?? { items: [], tokens: 0 };
      if (!known) kept.push(newest);
      // A result that a client has put before its call is on its own.
      if (item.type === 'function_call') calls.set(item.call_id, newest);
      newest.items.push(item);
      newest.tokens += tokensOf(item);
    }
    tokens += tokensOf(item);
    if (tokens > tokensMax) {
      state = 'cut';
      const gone = new Set<Unit>();
      for (const unit of kept) {
        if (tokens <= tokensMax * ratio) break;
        if (unit === newest) continue;
        gone.add(unit);
        tokens -= unit.tokens;
      }
      kept = kept.filter((unit) => !gone.has(unit));
    }
    if (state === 'whole') continue;
    const before = kept.slice(0, beginning(kept, newest));
    kept = kept.slice(before.length);
    tokens -= before.reduce((sum, unit) => sum + unit.tokens, 0);
  }
  return kept;
}

/** Where a user begins; or the newest, if none does before it. */
function beginning(kept: readonly Unit[], newest: Unit | undefined): number {
  const first = kept.findIndex(({ items: [item] }) => item?.type === 'message' && item.role === 'user');
  return Math.max(0, Math.min(first, newest ? kept.indexOf(newest) : -1));
}

function limitsOf(truncation: Exclude<Truncation, 'disabled'>) {
  if (truncation === 'auto') return { tokensMax: tokensMaxDefault, ratio: ratioDefault };
  return {
    tokensMax: truncation.token_limits?.post_instructions ?? tokensMaxDefault,
    ratio: truncation.retention_ratio,
  };
}

function isSystem(item: Item): boolean {
  return item.type === 'message' && item.role === 'system';
}

/** Items never change, and long conversations are asked about again and again. */
const known = new WeakMap<Item, number>();

export function tokensOf(item: Item): number {
  const before = known.get(item);
  if (before !== undefined) return before;
  const tokens = tokensPerItem + Math.ceil(Buffer.byteLength(textOf(item)) / bytesPerToken);
  known.set(item, tokens);
  return tokens;
}

function textOf(item: Item): string {
  if (item.type === 'function_call') return item.name + item.arguments;
  if (item.type === 'function_call_output') return item.output;
  return item.content.map((part) => ('text' in part ? part.text : (part.transcript ?? ''))).join('\n');
}
