// All takes of a folder, and those under way: written, found, removed. One at a time does all of it, so that nothing is
// removed while it is written. Blocks, and is for the recordings' thread alone.
import { Durable } from './durable.ts';
import type { TakeFacts } from './facts.ts';
import { isFolder, whyOf } from './folders.ts';
import { adopt, roomFor, sweepIncoming } from './imports.ts';
import { type TakeName, takeFolder, takeId } from './names.ts';
import type { Found, Query, Step } from './protocol.ts';
import { type RecordingLimits, tooMany } from './retention.ts';
import { brokenWhy, takesIn } from './take-look.ts';
import { TakeNumbers } from './take-numbers.ts';
import { TakeRemoval } from './take-removal.ts';
import { TakeWriter } from './take-writer.ts';

export interface ShelfOptions {
  readonly root: string;
  readonly limits: RecordingLimits;
  readonly version: string;
  /** Ms since the epoch. */
  readonly wallTime: () => number;
  /** It has begun, or ended. */
  readonly onTake: (key: number, take: TakeFacts) => void;
  /** It never began. */
  readonly onRefused: (key: number, message: string) => void;
  readonly onRemoved: (take: TakeFacts) => void;
  /** All that have ended, when the folder was looked through. */
  readonly onLook: (takes: readonly TakeFacts[]) => void;
  readonly onNotice: (message: string) => void;
}

/** So often it is looked whether the files are still where they were made. */
const lookEveryMs = 1000;

export class Shelf {
  readonly #options: ShelfOptions;
  readonly #writers = new Map<number, TakeWriter>();
  /** Of those that have ended, by id. */
  readonly #takes = new Map<string, TakeFacts>();
  readonly #numbers: TakeNumbers;
  readonly #durable: Durable;
  readonly #removal: TakeRemoval;
  /** Why nobody knows what there is. */
  #unread: string | undefined;
  #lookedMs = 0;

  constructor(options: ShelfOptions) {
    this.#options = options;
    this.#numbers = new TakeNumbers(options.root);
    this.#removal = new TakeRemoval(options.root, this.#numbers, options.onNotice);
    this.#durable = new Durable({ now: options.wallTime, onNotice: options.onNotice });
  }

  /** Finds what there is, mends what was cut short, and removes what is too much. What cannot be read is told. */
  open(): void {
    const { root, onNotice } = this.#options;
    try {
      sweepIncoming(root);
      this.#look();
    } catch (thrown) {
      this.#unread = `the recordings in ${root} cannot be read: ${whyOf(thrown)}`;
      onNotice(this.#unread);
    }
  }

  #look(): void {
    const found = takesIn(this.#options, this.#numbers, (id) => this.#writing(id));
    for (const take of found) this.#takes.set(take.id, take);
    this.#unread = undefined;
    this.#options.onLook(found);
    this.#prune();
  }

  /** In their order; then all of it is in the files. */
  apply(steps: readonly Step[]): void {
    this.#durable.go();
    for (const step of steps) this.#apply(step);
    for (const writer of this.#writers.values()) this.#guarded(writer, () => writer.write());
    const nowMs = this.#options.wallTime();
    if (Math.abs(nowMs - this.#lookedMs) < lookEveryMs) return;
    this.#lookedMs = nowMs;
    for (const writer of this.#writers.values()) this.#guarded(writer, () => writer.check());
  }

  /** What very many that ended together have left to do. @returns whether there is more of it */
  rest(): 'more' | 'done' {
    this.#durable.go();
    return this.#durable.waiting > 0 ? 'more' : 'done';
  }

  answer(query: Query): Found {
    // Somebody may have made it readable.
    if (this.#unread !== undefined) this.open();
    if (this.#unread !== undefined) return failed(this.#unread);
    try {
      return this.#answer(query);
    } catch (thrown) {
      const how = done[query.of];
      return failed(`the recordings in ${this.#options.root} cannot be ${how}: ${whyOf(thrown)}`);
    }
  }

  #answer(query: Query): Found {
    switch (query.of) {
      case 'list':
        return { state: 'list', takes: this.#list(query.session, query.limit) };
      case 'one':
        return this.#one(query.name);
      case 'remove':
        return this.#remove(query.name);
      case 'remove_all':
        return this.#removeAll(query.session);
      case 'room':
        return { state: 'room', path: roomFor(this.#options.root, query.session) };
      case 'adopt':
        return this.#adopt(query);
    }
  }

  /** Whoever still records is cut short by the gateway's end, in order. */
  close(): void {
    for (const { key } of this.#writers.values())
      this.#apply({ type: 'stop', key, reason: 'server_shutdown', atMs: this.#options.wallTime() });
  }

  #apply(step: Step): void {
    const { root, version, onTake, onRefused } = this.#options;
    if (step.type === 'start') {
      try {
        const name = this.#numbers.next(step.name);
        // Also when there is something of this name, which is not ours: then the next one is free.
        this.#numbers.seen(name);
        const writer = new TakeWriter(root, { ...step, name }, version);
        this.#writers.set(step.key, writer);
        onTake(step.key, writer.facts);
      } catch (thrown) {
        onRefused(step.key, `recording ${takeId(step.name)} cannot be written: ${whyOf(thrown)}`);
      }
      return;
    }
    // It has failed before.
    const writer = this.#writers.get(step.key);
    if (!writer) return;
    switch (step.type) {
      case 'event':
        return this.#guarded(writer, () => writer.hear(step));
      case 'place':
        return this.#guarded(writer, () => writer.goOn(step.place));
      case 'stop':
        return this.#guarded(writer, () => this.#ended(writer, writer.finish(step.reason, step.atMs)));
      case 'fail':
        return this.#ended(writer, writer.fail(step.why, step.atMs));
    }
  }

  #guarded(writer: TakeWriter, act: () => void): void {
    try {
      act();
    } catch (thrown) {
      const why = `recording ${writer.id} cannot be written: ${whyOf(thrown)}`;
      this.#ended(writer, writer.fail(why, this.#options.wallTime()));
    }
  }

  #ended(writer: TakeWriter, take: TakeFacts): void {
    this.#writers.delete(writer.key);
    this.#takes.set(take.id, take);
    // Before it is said.
    if (take.state === 'finished') this.#durable.add(takeFolder(this.#options.root, take), take);
    this.#options.onTake(writer.key, take);
    this.#prune();
  }

  #prune(): void {
    const { limits, wallTime, onNotice } = this.#options;
    for (const id of tooMany(this.#all(), limits, wallTime())) {
      const take = this.#takes.get(id);
      try {
        if (take) this.#drop(take);
      } catch (thrown) {
        onNotice(`recording ${id} is to go, and cannot be removed: ${whyOf(thrown)}`);
      }
    }
  }

  #all(): readonly TakeFacts[] {
    return [...this.#takes.values(), ...[...this.#writers.values()].map(({ facts }) => facts)];
  }

  #list(session: string | undefined, limit: number): readonly TakeFacts[] {
    const takes = this.#all()
      .filter((take) => session === undefined || take.session === session)
      .toSorted((one, other) => other.startedAtMs - one.startedAtMs || other.take - one.take);
    const there: TakeFacts[] = [];
    // Nobody asks the disk for more than are shown.
    for (const take of takes) {
      if (there.length === limit) break;
      if (this.#isThere(take)) there.push(take);
    }
    return there;
  }

  #one(name: TakeName): Found {
    const take = this.#find(name);
    if (take) return { state: 'one', take };
    const why = brokenWhy(this.#options.root, name);
    if (why === undefined) return this.#unknown(name);
    return { state: 'broken', message: `recording ${takeId(name)} is broken: ${why}` };
  }

  #remove(name: TakeName): Found {
    const take = this.#find(name);
    if (!take) return this.#unknown(name);
    if (take.state === 'recording') return { state: 'under_way' };
    try {
      this.#drop(take);
      return { state: 'removed', take };
    } catch (thrown) {
      return failed(`recording ${take.id} cannot be removed: ${whyOf(thrown)}`);
    }
  }

  #removeAll(session: string): Found {
    const takes = this.#all().filter((take) => take.session === session);
    if (takes.some(({ state }) => state === 'recording')) return { state: 'under_way' };
    for (const take of takes) this.#drop(take);
    return { state: 'removed_all', count: takes.length + this.#removal.dropBroken(session) };
  }

  #adopt(query: Extract<Query, { readonly of: 'adopt' }>): Found {
    const { root, version, onTake } = this.#options;
    const take = adopt(root, query, version);
    this.#durable.add(takeFolder(root, take), take);
    this.#takes.set(take.id, take);
    // Of no session.
    onTake(0, take);
    this.#prune();
    return { state: 'one', take };
  }

  #drop(take: TakeFacts): void {
    this.#removal.drop(take);
    this.#takes.delete(take.id);
    this.#options.onRemoved(take);
  }

  #find(name: TakeName): TakeFacts | undefined {
    const id = takeId(name);
    const take = this.#all().find((one) => one.id === id);
    return take && this.#isThere(take) ? take : undefined;
  }

  #unknown({ session }: TakeName): Found {
    const takes = this.#all().filter((one) => one.session === session && this.#isThere(one));
    return { state: 'unknown', takes: takes.map(({ take }) => take).sort((one, other) => one - other) };
  }

  #writing(id: string): boolean {
    return [...this.#writers.values()].some((writer) => writer.id === id);
  }

  /** Somebody may have taken it away by hand. */
  #isThere(take: TakeFacts): boolean {
    const { root } = this.#options;
    if (take.state === 'recording' || isFolder(takeFolder(root, take))) return true;
    this.#takes.delete(take.id);
    this.#options.onRemoved(take);
    return false;
  }
}

/** As it is said that it cannot be. */
const done: Readonly<Record<Query['of'], string>> = {
  ...{
    list: 'read',
    one: 'read',
    remove: 'removed',
    remove_all: 'removed',
    room: 'written',
    adopt: 'written',
  },
};

const failed = (message: string): Found => ({ state: 'failed', message });
