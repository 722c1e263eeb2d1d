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

/** A call and its results go together. */
interface Unit {
  readonly items: readonly Item[];
  readonly tokens: number;
}

/**
 * What is asked with: as it comes, and once it is over the limit, so many of the newest that it is within the share that
 * is kept. What system messages say is always kept, and the newest item, however long it is; and who has spoken first
 * still is no assistant, which some models refuse.
 */
export function retained(items: readonly Item[], truncation: Truncation): readonly Item[] {
  if (truncation === 'disabled') return items;
  const { tokensMax, ratio } = limitsOf(truncation);
  const units = unitsOf(items.filter((item) => !isSystem(item)));
  let first = 0;
  let tokens = items.filter(isSystem).reduce((sum, item) => sum + tokensOf(item), 0);
  // As it has gone from turn to turn: where the cut was then, it still is.
  for (const [at, unit] of units.entries()) {
    tokens += unit.tokens;
    if (tokens <= tokensMax) continue;
    while (first < at && tokens > tokensMax * ratio) {
      tokens -= units[first]?.tokens ?? 0;
      first += 1;
    }
  }
  if (first === 0) return items;
  const fromUser = units.findIndex(({ items: [item] }, at) => at >= first && isUser(item));
  const kept = new Set(units.slice(Math.max(first, fromUser)).flatMap((unit) => unit.items));
  return items.filter((item) => isSystem(item) || kept.has(item));
}

function limitsOf(truncation: Exclude<Truncation, 'disabled'>) {
  if (truncation === 'auto') return { tokensMax: tokensMaxDefault, ratio: ratioDefault };
  return {
    tokensMax: truncation.token_limits?.post_instructions ?? tokensMaxDefault,
    ratio: truncation.retention_ratio,
  };
}

/** In the order of the last item of each: a call is as new as its result. */
function unitsOf(items: readonly Item[]): readonly Unit[] {
  const last = new Map<string, Item>();
  for (const item of items) if (item.type !== 'message') last.set(item.call_id, item);
  const open = new Map<string, Item[]>();
  const units: Unit[] = [];
  for (const item of items) {
    if (item.type === 'message') {
      units.push({ items: [item], tokens: tokensOf(item) });
      continue;
    }
    const together = [...(open.get(item.call_id) ?? []), item];
    open.set(item.call_id, together);
    if (last.get(item.call_id) !== item) continue;
    units.push({ items: together, tokens: together.reduce((sum, one) => sum + tokensOf(one), 0) });
  }
  return units;
}

function isSystem(item: Item): boolean {
  return item.type === 'message' && item.role === 'system';
}

function isUser(item: Item | undefined): boolean {
  return item?.type === 'message' && item.role === 'user';
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
