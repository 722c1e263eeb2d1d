// A machine as its `state_change` events tell of it: which states it has been in, which ways it went, where it is now.
// Nobody declares anything: it grows as it runs. Pure but for its own memory.
import type { Seen } from '../live/watch.ts';

export interface StateChange {
  readonly machine: string;
  readonly from: string | null;
  readonly to: string;
  readonly trigger: string | null;
  /** Ms since 1970. */
  readonly atMs: number;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/**
 * `{machine_name, event_type | type: "state_change", payload: {from_state, to_state, event_trigger}}`, or the same with
 * everything beside `machine_name`; without a name the topic is it. Null for every other event.
 */
export function changeIn({
  topic,
  ts,
  data,
}: {
  topic: string;
  ts: number;
  data: unknown;
}): StateChange | null {
  const event = fieldsOf(data);
  if (!event) return null;
  const kind = textOf(event['event_type']) ?? textOf(event['type']);
  if (kind !== null && kind !== 'state_change') return null;
  const facts = fieldsOf(event['payload']) ?? event;
  const to = textOf(facts['to_state']);
  if (to === null) return null;
  return {
    machine: textOf(event['machine_name']) ?? topic,
    ...{ from: textOf(facts['from_state']), to, trigger: textOf(facts['event_trigger']) },
    atMs: ts,
  };
}

export interface StateFacts {
  readonly name: string;
  visits: number;
  /** In all, without the visit under way. */
  totalMs: number;
}

export interface WayFacts {
  readonly from: string;
  readonly to: string;
  count: number;
  trigger: string | null;
  lastMs: number;
}

const lastMax = 30;
/** A machine with more states than anybody can look at gives a number where its name should be. */
const statesMax = 60;

export class Machine {
  readonly name: string;
  readonly states = new Map<string, StateFacts>();
  readonly ways = new Map<string, WayFacts>();
  /** The newest first. */
  last: readonly StateChange[] = [];
  now: string | null = null;
  sinceMs = 0;
  changes = 0;
  /** Changes when a state or a way is new: then it is laid out again. */
  shape = 0;
  /** States that found no place. */
  more = 0;

  constructor(name: string) {
    this.name = name;
  }

  take(change: StateChange): void {
    const from = change.from ?? this.now;
    this.changes += 1;
    this.#leave(change.atMs);
    const known = from === null || this.#state(from);
    const entered = this.#state(change.to);
    if (entered) entered.visits += 1;
    if (from !== null && known && entered) this.#go(from, change);
    this.now = change.to;
    this.sinceMs = change.atMs;
    this.last = [change, ...this.last.slice(0, lastMax - 1)];
  }

  #leave(atMs: number): void {
    const state = this.now === null ? undefined : this.states.get(this.now);
    if (state) state.totalMs += Math.max(0, atMs - this.sinceMs);
  }

  #state(name: string): StateFacts | undefined {
    const known = this.states.get(name);
    if (known) return known;
    if (this.states.size >= statesMax) {
      this.more += 1;
      return undefined;
    }
    const state = { name, visits: 0, totalMs: 0 };
    this.states.set(name, state);
    this.shape += 1;
    return state;
  }

  #go(from: string, { to, trigger, atMs }: StateChange): void {
    const id = `${from}\n${to}`;
    const known = this.ways.get(id);
    if (known) {
      known.count += 1;
      known.trigger = trigger;
      known.lastMs = atMs;
      return;
    }
    this.ways.set(id, { from, to, count: 1, trigger, lastMs: atMs });
    this.shape += 1;
  }
}

const machinesMax = 500;

export class Machines {
  readonly #machines = new Map<string, Machine>();

  /** Those that changed last come first. */
  get all(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  find(name: string): Machine | undefined {
    return this.#machines.get(name);
  }

  /** @returns how many state changes there were among them */
  push(batch: readonly Seen[]): number {
    let changes = 0;
    for (const seen of batch) {
      const change = seen.kind === 'event' ? changeIn(seen) : null;
      if (!change) continue;
      changes += 1;
      let machine = this.#machines.get(change.machine);
      if (!machine) {
        if (this.#machines.size >= machinesMax) continue;
        machine = new Machine(change.machine);
        this.#machines.set(change.machine, machine);
      }
      machine.take(change);
    }
    return changes;
  }
}
