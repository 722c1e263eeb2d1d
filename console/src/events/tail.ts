// The newest events, bounded, with those that a filter lets through. Pure but for its own memory; what it lets go is
// counted.
import type { Seen } from '../live/watch.ts';

export interface TailRow {
  /** Counts all that came: the key of its row. */
  readonly no: number;
  readonly kind: 'event' | 'gap';
  readonly id: string;
  readonly topic: string;
  readonly ts: number;
  /** The data as it came, or what is missing in words. */
  readonly text: string;
}

export interface TailLimits {
  readonly rows: number;
  readonly characters: number;
}

export class Tail {
  readonly #limits: TailLimits;
  #rows: TailRow[] = [];
  #matching: TailRow[] = [];
  #characters = 0;
  #needle = '';
  #count = 0;
  #dropped = 0;
  #missing = 0;

  constructor(limits: TailLimits) {
    this.#limits = limits;
  }

  /** Those that match, the oldest first. */
  get rows(): readonly TailRow[] {
    return this.#matching;
  }

  /** All that came, and of them those that are kept no longer. */
  get count(): number {
    return this.#count;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Events that the gateway could not give, as far as it could count them. */
  get missing(): number {
    return this.#missing;
  }

  push(batch: readonly Seen[], nowMs: number): void {
    for (const seen of batch) {
      const row = this.#rowOf(seen, nowMs);
      this.#rows.push(row);
      this.#characters += weightOf(row);
      if (this.#fits(row)) this.#matching.push(row);
    }
    this.#trim();
  }

  /** Only what has this text in topic or data; case does not matter. */
  filter(text: string): void {
    this.#needle = text.trim().toLowerCase();
    this.#matching = this.#rows.filter((row) => this.#fits(row));
  }

  clear(): void {
    this.#rows = [];
    this.#matching = [];
    this.#characters = 0;
  }

  #rowOf(seen: Seen, nowMs: number): TailRow {
    const no = this.#count;
    this.#count += 1;
    if (seen.kind === 'event') {
      const { id, topic, ts, raw } = seen;
      return { no, kind: 'event', id, topic, ts, text: dataIn(raw) };
    }
    const { gap } = seen;
    this.#missing += gap.count ?? 0;
    const many = gap.count === null ? 'events' : `${gap.count} ${gap.count === 1 ? 'event' : 'events'}`;
    const text = `${many} missing, ${gap.from} to ${gap.to}: ${reasons[gap.reason]}`;
    return { no, kind: 'gap', id: gap.to, topic: 'gap', ts: nowMs, text };
  }

  #fits({ kind, topic, text }: TailRow): boolean {
    if (this.#needle === '' || kind === 'gap') return true;
    return topic.toLowerCase().includes(this.#needle) || text.toLowerCase().includes(this.#needle);
  }

  /** A tenth more at once, so that not each event moves all others. */
  #trim(): void {
    const { rows, characters } = this.#limits;
    if (this.#rows.length <= rows && this.#characters <= characters) return;
    let from = 0;
    for (; from < this.#rows.length; from += 1) {
      if (this.#rows.length - from <= rows * 0.9 && this.#characters <= characters * 0.9) break;
      this.#characters -= weightOf(this.#rows[from] as TailRow);
    }
    this.#rows = this.#rows.slice(from);
    this.#dropped += from;
    const first = this.#rows[0]?.no ?? Number.POSITIVE_INFINITY;
    this.#matching = this.#matching.filter(({ no }) => no >= first);
  }
}

const reasons = {
  expired: 'older than what the gateway keeps',
  epoch: 'the gateway was started anew',
  ahead: 'the id is of events that have not been',
  slow: 'this page was too slow',
  conflated: 'this page was too slow, the newest of each key follow',
} as const;

const weightOf = ({ text, topic }: TailRow): number => text.length + topic.length + 64;

/** Byte for byte: what JSON.parse makes of a large number is another one. Within a topic quotes are escaped. */
export function dataIn(raw: string): string {
  const at = raw.indexOf('"data":');
  return at < 0 ? raw : raw.slice(at + '"data":'.length, raw.lastIndexOf('}'));
}
