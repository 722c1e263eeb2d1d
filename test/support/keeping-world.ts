// Everything that a session can be in the middle of, in virtual time and without a disk: generations of a pipeline, takes
// that are recorded, recordings that are played, records. Whoever enters or opens is counted, so that each has one owner.
import { expect } from 'vitest';
import { noDecoders } from '../../src/audio/decoding/decoders.ts';
import { SessionsOfGenerations } from '../../src/gateway/generation-sessions.ts';
import { PipelineLine } from '../../src/pipelines/pipeline-line.ts';
import { PlaybackDesk } from '../../src/playback/desk.ts';
import { playFull } from '../../src/playback/full.ts';
import type { Step } from '../../src/recordings/protocol.ts';
import { SessionTape } from '../../src/recordings/session-tape.ts';
import { storedRecords } from '../../src/sessions/records.ts';
import type { TapeSession } from '../../src/sessions/tape.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { factsOf } from '../unit/recordings/takes.ts';
import { FakePipeline, type Gate } from './fake-pipeline.ts';
import { MemoryStore } from './memory-store.ts';
import { SessionWorld } from './session-world.ts';

const drainMs = 20_000;

/** A take as whoever writes it has seen it. */
interface SeenTake {
  readonly session: string;
  readonly take: number;
  state: 'recording' | 'ended';
}

export class KeepingWorld {
  readonly store = new MemoryStore();
  readonly sessions: SessionWorld;
  readonly line: PipelineLine<FakePipeline>;
  readonly desk: PlaybackDesk;
  /** Every generation that was ever built. */
  readonly built: FakePipeline[] = [];
  /** By number, how often each was closed. */
  readonly closings = new Map<number, number>();
  /** The generation that each session entered, and how often it gave its place back. */
  readonly places = new Map<string, { readonly generation: number; left: number }>();
  readonly tapes = new Map<string, { readonly tape: SessionTape; ends: number }>();
  readonly takes = new Map<number, SeenTake>();
  readonly files = { opened: 0, closed: 0 };
  /** Sessions whose generation has drained for as long as it may. */
  readonly overdue = new Set<string>();
  readonly #gate: Gate;
  #ids = 0;
  #disk: Promise<void> = Promise.resolve();

  constructor(gate: Gate) {
    this.#gate = gate;
    this.sessions = new SessionWorld({
      records: (clock) => storedRecords(this.store, clock),
      openTape: (session) => this.#openTape(session),
    });
    const { registry, clock } = this.sessions;
    const told = new SessionsOfGenerations(registry, clock, () => drainMs);
    this.line = new PipelineLine<FakePipeline>({
      ...{ name: 'fake', clock, drainMs: () => drainMs },
      onChange: ({ generation, state }) => {
        if (state === 'closed') this.closings.set(generation, (this.closings.get(generation) ?? 0) + 1);
      },
      onDraining: (built, current) => told.draining(built, current),
      onOverdue: (built) => {
        for (const { session } of registry.answeredBy(built)) this.overdue.add(session.id);
        told.overdue(built);
      },
    });
    this.desk = this.#openDesk();
    this.restart('replace', 'ready');
  }

  /** Throws what stands against it. */
  restart(mode: 'replace' | 'seamless', state: 'starting' | 'ready'): void {
    this.line.restart(mode, (generation) => {
      const built = Object.assign(new FakePipeline(this.#gate, state), { generation });
      built.abilities = { hears: 'words', answers: 'speech' };
      built.speech = (frame) => (frame % 40 < 15 ? 1 : 0);
      this.built.push(built);
      return built;
    });
  }

  /** The one that new callers get. */
  get current(): FakePipeline & { readonly generation: number } {
    const { current } = this.line;
    if (!current || !('generation' in current)) throw new Error('no generation is current');
    return current as FakePipeline & { readonly generation: number };
  }

  /** That is built beside it. */
  get building(): FakePipeline | undefined {
    return this.line.list().find(({ state }) => state === 'building')?.built;
  }

  readonly enter = (pipeline: object, session: string): (() => void) => {
    const leave = this.line.enter(pipeline as FakePipeline, session);
    expect(this.places.has(session), `${session} enters once`).toBe(false);
    const place = { generation: (pipeline as { readonly generation: number }).generation, left: 0 };
    this.places.set(session, place);
    return () => {
      place.left += 1;
      leave();
    };
  };

  /** What holds at every moment. */
  expectOneOwnerEach(): void {
    const playing = this.desk.list().map(({ sessionId }) => sessionId);
    expect(new Set(playing).size).toBe(playing.length);
    for (const { id, generation } of this.sessions.registry.list())
      expect(this.places.get(id), `${id} in generation ${generation}`).toEqual({ generation, left: 0 });
    for (const { number, users } of this.line.list()) {
      const inIt = [...this.places.values()].filter(
        ({ generation, left }) => generation === number && left === 0,
      );
      expect(users, `of generation ${number}`).toBe(inIt.length);
    }
    for (const [number, times] of this.closings) expect(times, `closings of generation ${number}`).toBe(1);
    const recording = [...this.takes.values()].filter(({ state }) => state === 'recording');
    const sessions = recording.map(({ session }) => session);
    expect(new Set(sessions).size, 'one take each').toBe(sessions.length);
  }

  /** When everybody has gone and time has passed. */
  async expectNothingLeft(): Promise<void> {
    this.line.close();
    for (const pipeline of this.built) this.sessions.expectNothingLeft(pipeline);
    expect(this.desk.list()).toEqual([]);
    expect(this.files.closed).toBe(this.files.opened);
    for (const [id, { left }] of this.places) expect(left, `${id} has given its place back`).toBe(1);
    for (const [id, { tape, ends }] of this.tapes)
      expect([ends, tape.idle], `the tape of ${id}`).toEqual([1, true]);
    for (const { state } of this.takes.values()) expect(state).toBe('ended');
    expect(
      this.line.list().flatMap(({ state, users }) => (state === 'building' ? [] : [state, users])),
    ).toEqual(['current', 0]);
    const ends = this.store.writes.flatMap((write) =>
      write.type === 'session' && write.row.state === 'closed' ? [write.row.id] : [],
    );
    expect(new Set(ends).size, 'recorded as closed once').toBe(ends.length);
    for (const row of await this.store.listSessions({ limit: 100 }))
      expect(row).toMatchObject({ state: 'closed', generation: this.places.get(row.id)?.generation });
  }

  #openDesk(): PlaybackDesk {
    const gate = this.#gate;
    return new PlaybackDesk({
      recordings: {
        root: '/nowhere',
        decoders: noDecoders,
        find: async (id, take) => factsOf(id, Number(take)),
      },
      sessions: this.sessions.registry,
      resolve: () => this.current,
      enter: this.enter,
      newId: (prefix) => `${prefix}_k${++this.#ids}`,
      log: silentLog,
      openReel: async (scope) => {
        await scope.acquire(
          'reel',
          async () => {
            await gate('open reel');
            this.files.opened += 1;
          },
          async () => {
            await gate('close reel');
            this.files.closed += 1;
          },
        );
        const track = {
          rateHz: 24_000,
          durationMs: 500,
          chunks: this.#pieces(),
          close: async () => undefined,
        };
        return {
          durationMs: 500,
          setUp: () => gate('set up'),
          play: (player, signal) => playFull(player, { track, turns: undefined }, signal),
        };
      },
    });
  }

  async *#pieces(): AsyncGenerator<Int16Array> {
    for (let at = 0; at < 5; at += 1) {
      await this.#gate('piece');
      yield new Int16Array(2400);
    }
  }

  #openTape(session: TapeSession): SessionTape {
    const entry = { ends: 0 } as { tape: SessionTape; ends: number };
    entry.tape = new SessionTape({
      ...{ session, clock: this.sessions.clock, begins: 'off' },
      recorder: { take: (step) => this.#write(step) },
      newKey: () => ++this.#ids,
      onEnd: () => {
        entry.ends += 1;
      },
    });
    this.tapes.set(session.id, entry);
    return entry.tape;
  }

  /** In order, and told when the disk has it. */
  #write(step: Step): 'taken' {
    if (step.type === 'start') {
      const { session, take } = step.name;
      this.takes.set(step.key, { session, take, state: 'recording' });
    }
    const seen = this.takes.get(step.key);
    if (!seen) throw new Error(`step ${step.type} of a take that never began`);
    expect(seen.state, `${step.type} of take ${step.key}`).toBe('recording');
    if (step.type === 'stop' || step.type === 'fail') seen.state = 'ended';
    if (step.type === 'event' || step.type === 'place') return 'taken';
    this.#disk = this.#disk.then(async () => {
      await this.#gate('disk');
      const facts = factsOf(seen.session, seen.take);
      const state = step.type === 'start' ? 'recording' : 'finished';
      this.tapes.get(seen.session)?.tape.changed(step.key, { ...facts, state });
    });
    return 'taken';
  }
}
