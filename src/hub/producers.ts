// Who publishes: what each has sent, what was refused and why. Those who are there are kept, and the last of those who
// have left; the sums of each kind go on for ever. One HTTP request is no producer: those of one caller are one, for as
// long as it is remembered. Opened by whoever speaks to the producer, who says when it has left.
import type { Clock } from '../lifecycle/clock.ts';
import type { ErrorCode } from '../lifecycle/codes.ts';

export type ProducerKind = 'unix' | 'http' | 'websocket' | 'process';

export interface ProducerFacts {
  /** `unix_1`. */
  readonly id: string;
  readonly kind: ProducerKind;
  readonly state: 'open' | 'left';
  /** Its address without the port; null where it has none. */
  readonly remote: string | null;
  readonly pid: number | null;
  /** Connections or requests that are open. */
  readonly connections: number;
  /** ms since 1970; of the first connection. */
  readonly connectedAt: number;
  /** ms since 1970; null while it is there. */
  readonly leftAt: number | null;
  readonly accepted: number;
  /** Of the data that was accepted. */
  readonly bytes: number;
  readonly rejected: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Null: nothing was accepted. */
  readonly last: { readonly id: string; readonly ts: number } | null;
}

export type ProducerSums = Pick<ProducerFacts, 'accepted' | 'bytes' | 'rejected'> & {
  /** Producers that are there. */
  readonly open: number;
};

export interface ProducerOptions {
  readonly kind: ProducerKind;
  readonly remote?: string | null;
  readonly pid?: number | null;
  /** What comes with the same one is of the same producer. Never a secret. Default: a producer of its own. */
  readonly same?: string;
}

/** One connection of a producer. */
export interface Producer {
  readonly id: string;
  accepted(id: string, bytes: number): void;
  rejected(code: ErrorCode): void;
  /** Idempotent. */
  left(): void;
}

/** Of those who have left. */
const leftMax = 100;

interface Count {
  accepted: number;
  bytes: number;
  readonly rejected: Partial<Record<ErrorCode, number>>;
}

interface Entry extends Count {
  readonly id: string;
  readonly kind: ProducerKind;
  readonly same: string | undefined;
  readonly remote: string | null;
  readonly pid: number | null;
  readonly connectedAt: number;
  connections: number;
  leftAt: number | null;
  lastId: string | null;
  lastTs: number;
}

const noCount = (): Count => ({ accepted: 0, bytes: 0, rejected: {} });

export class Producers {
  readonly #clock: Clock;
  readonly #open = new Set<Entry>();
  /** The one that left first is first. */
  readonly #left = new Set<Entry>();
  readonly #bySame = new Map<string, Entry>();
  readonly #sums: Readonly<Record<ProducerKind, Count>> = {
    ...{ unix: noCount(), http: noCount(), websocket: noCount(), process: noCount() },
  };
  #ever = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(options: ProducerOptions): Producer {
    const entry = this.#entry(options);
    entry.connections += 1;
    entry.leftAt = null;
    this.#left.delete(entry);
    this.#open.add(entry);
    const sum = this.#sums[entry.kind];
    let state: 'open' | 'left' = 'open';
    return {
      id: entry.id,
      accepted: (id, bytes) => {
        for (const count of [entry, sum]) {
          count.accepted += 1;
          count.bytes += bytes;
        }
        entry.lastId = id;
        entry.lastTs = this.#clock.wallTime();
      },
      rejected: (code) => {
        for (const { rejected } of [entry, sum]) rejected[code] = (rejected[code] ?? 0) + 1;
      },
      left: () => {
        if (state === 'open') this.#leave(entry);
        state = 'left';
      },
    };
  }

  /** Those who are there, then those who have left, the last one first. */
  list(): readonly ProducerFacts[] {
    return [...this.#open, ...[...this.#left].reverse()].map(factsOf);
  }

  /** Of all there ever were. */
  sums(): Readonly<Record<ProducerKind, ProducerSums>> {
    const sum = (kind: ProducerKind): ProducerSums => {
      const { accepted, bytes, rejected } = this.#sums[kind];
      const open = [...this.#open].filter((entry) => entry.kind === kind).length;
      return { open, accepted, bytes, rejected: { ...rejected } };
    };
    return { unix: sum('unix'), http: sum('http'), websocket: sum('websocket'), process: sum('process') };
  }

  #entry({ kind, remote = null, pid = null, same }: ProducerOptions): Entry {
    const name = same === undefined ? undefined : `${kind} ${same}`;
    const known = name === undefined ? undefined : this.#bySame.get(name);
    if (known) return known;
    this.#ever += 1;
    const entry: Entry = {
      ...{ id: `${kind}_${this.#ever}`, kind, same: name, remote, pid, ...noCount() },
      ...{ connectedAt: this.#clock.wallTime(), connections: 0, leftAt: null, lastId: null, lastTs: 0 },
    };
    if (name !== undefined) this.#bySame.set(name, entry);
    return entry;
  }

  #leave(entry: Entry): void {
    entry.connections -= 1;
    if (entry.connections > 0) return;
    entry.leftAt = this.#clock.wallTime();
    this.#open.delete(entry);
    this.#left.add(entry);
    if (this.#left.size <= leftMax) return;
    const [oldest] = this.#left;
    if (!oldest) return;
    this.#left.delete(oldest);
    if (oldest.same !== undefined) this.#bySame.delete(oldest.same);
  }
}

function factsOf(entry: Entry): ProducerFacts {
  const { id, kind, remote, pid, connections, connectedAt, leftAt, accepted, bytes, rejected } = entry;
  const { lastId, lastTs } = entry;
  return {
    ...{ id, kind, state: connections > 0 ? 'open' : 'left', remote, pid, connections, connectedAt, leftAt },
    ...{ accepted, bytes, rejected: { ...rejected } },
    last: lastId === null ? null : { id: lastId, ts: lastTs },
  };
}
