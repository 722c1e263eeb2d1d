// All takes of a folder, and those under way: written, found, removed. One at a time does all of it, so that nothing is
// removed while it is written. Blocks, and is for the recordings' thread alone.

import { join } from 'node:path';
import type { TakeFacts } from './facts.ts';
import { foldersIn, isFolder, removeTake, whyOf } from './folders.ts';
import { adopt, roomFor, sweepIncoming } from './imports.ts';
import { readMetadataFile } from './metadata-file.ts';
import { type TakeName, takeFolder, takeId, takeName } from './names.ts';
import type { Found, Query, Step } from './protocol.ts';
import { repairTake } from './repair.ts';
import { type RecordingLimits, tooMany } from './retention.ts';
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
  readonly onNotice: (message: string) => void;
}

/** So often it is looked whether the files are still where they were made. */
const lookEveryMs = 1000;

export class Shelf {
  readonly #options: ShelfOptions;
  readonly #writers = new Map<number, TakeWriter>();
  /** Of those that have ended, by id. */
  readonly #takes = new Map<string, TakeFacts>();
  #lookedMs = 0;

  constructor(options: ShelfOptions) {
    this.#options = options;
  }

  /** Finds what there is, mends what was cut short, and removes what is too much. */
  open(): void {
    const { root, onNotice, wallTime } = this.#options;
    sweepIncoming(root);
    for (const session of foldersIn(root)) {
      for (const take of foldersIn(join(root, session))) {
        const name = takeName(session, take);
        const facts = name && readMetadataFile(takeFolder(root, name), name);
        if (!facts) continue;
        if (facts.state !== 'recording') {
          this.#takes.set(facts.id, facts);
          continue;
        }
        try {
          this.#takes.set(facts.id, repairTake(root, facts, wallTime()));
          onNotice(`recording ${facts.id} was cut short by the end of its gateway: repaired, and marked`);
        } catch (thrown) {
          onNotice(`recording ${facts.id} was cut short and cannot be repaired: ${whyOf(thrown)}`);
        }
      }
    }
    this.#prune();
  }

  /** In their order; then all of it is in the files. */
  apply(steps: readonly Step[]): void {
    for (const step of steps) this.#apply(step);
    for (const writer of this.#writers.values()) this.#guarded(writer, () => writer.write());
    const nowMs = this.#options.wallTime();
    if (Math.abs(nowMs - this.#lookedMs) < lookEveryMs) return;
    this.#lookedMs = nowMs;
    for (const writer of this.#writers.values()) this.#guarded(writer, () => writer.check());
  }

  answer(query: Query): Found {
    switch (query.of) {
      case 'list':
        return { state: 'list', takes: this.#list(query.session, query.limit) };
      case 'one':
        return this.#one(query.name);
      case 'remove':
        return this.#remove(query.name);
      case 'room':
        return this.#tried(() => ({ state: 'room', path: roomFor(this.#options.root, query.session) }));
      case 'adopt':
        return this.#tried(() => this.#adopt(query));
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
        const writer = new TakeWriter(root, step, version);
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
    return this.#all()
      .filter((take) => session === undefined || take.session === session)
      .toSorted((one, other) => other.startedAtMs - one.startedAtMs || other.take - one.take)
      .filter((take) => this.#isThere(take))
      .slice(0, limit);
  }

  #one(name: TakeName): Found {
    const take = this.#find(name);
    return take ? { state: 'one', take } : this.#unknown(name);
  }

  #remove(name: TakeName): Found {
    const take = this.#find(name);
    if (!take) return this.#unknown(name);
    if (take.state === 'recording') return { state: 'under_way' };
    try {
      this.#drop(take);
      return { state: 'removed', take };
    } catch (thrown) {
      return { state: 'failed', message: `recording ${take.id} cannot be removed: ${whyOf(thrown)}` };
    }
  }

  /** Of no session: its key is 0. */
  #adopt(query: Extract<Query, { readonly of: 'adopt' }>): Found {
    const { root, version, onTake } = this.#options;
    const take = adopt(root, query, version);
    this.#takes.set(take.id, take);
    onTake(0, take);
    this.#prune();
    return { state: 'one', take };
  }

  #tried(act: () => Found): Found {
    try {
      return act();
    } catch (thrown) {
      return { state: 'failed', message: whyOf(thrown) };
    }
  }

  #drop(take: TakeFacts): void {
    const { root, onRemoved } = this.#options;
    // Nothing is reached through a link.
    if (isFolder(join(root, take.session)) && isFolder(takeFolder(root, take)))
      removeTake(takeFolder(root, take));
    this.#takes.delete(take.id);
    onRemoved(take);
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

  /** Somebody may have taken it away by hand. */
  #isThere(take: TakeFacts): boolean {
    const { root } = this.#options;
    if (take.state === 'recording' || isFolder(takeFolder(root, take))) return true;
    this.#takes.delete(take.id);
    return false;
  }
}
