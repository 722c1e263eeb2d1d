// Random histories of an engine's life: whatever happens in whatever order, the machine and its shell stay in step.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type EngineLife,
  type EngineStateWord,
  idleLife,
  type LifeEvent,
  type LifeTimer,
  nextLife,
  rungs,
} from '../../../src/engines/state.ts';
import { failure, limits } from './lives.ts';

const legal: Readonly<Record<EngineStateWord, readonly EngineStateWord[]>> = {
  idle: ['starting', 'stopped'],
  starting: ['ready', 'stopping', 'backoff', 'failed'],
  ready: ['stopping', 'backoff', 'failed'],
  stopping: ['stopped', 'idle', 'backoff', 'failed', 'starting'],
  stopped: ['starting'],
  backoff: ['starting', 'stopped', 'idle'],
  failed: ['starting', 'stopped', 'idle'],
};

const timersOf: Readonly<Record<EngineStateWord, readonly LifeTimer[]>> = {
  idle: [],
  starting: ['stall', 'total'],
  ready: [],
  stopping: ['grace'],
  stopped: [],
  backoff: ['retry'],
  failed: [],
};

/** What a shell does with the effects, without any time, process or socket. */
class ModelShell {
  life: EngineLife = idleLife;
  nowMs = 0;
  readonly armed = new Map<LifeTimer, number>();
  instance: number | undefined;
  spawns = 0;
  kills = 0;
  seen = new Set<EngineStateWord>(['idle']);

  feed(event: LifeEvent, random = 0.5): void {
    const before = this.life;
    const { life, effects } = nextLife(before, event, { limits, nowMs: this.nowMs, random });
    this.life = life;
    for (const effect of effects) {
      switch (effect.type) {
        case 'spawn':
          expect(this.instance, 'a spawn while an instance is there').toBeUndefined();
          expect(effect.instance).toBe(before.instance + 1);
          this.instance = effect.instance;
          this.spawns += 1;
          break;
        case 'terminate':
        case 'kill':
          expect(this.instance, `${effect.type} of nobody`).toBeDefined();
          if (effect.type === 'kill') this.kills += 1;
          break;
        case 'arm':
          expect(effect.ms).toBeGreaterThanOrEqual(0);
          if (effect.timer === 'retry') this.#checkBackoff(effect.ms, random);
          this.armed.set(effect.timer, this.nowMs + effect.ms);
          break;
        case 'disarm':
          this.armed.delete(effect.timer);
      }
    }
    this.#check(before, event);
  }

  /** The timer that is due next fires. */
  fire(): void {
    const [next] = [...this.armed].sort(([, a], [, b]) => a - b);
    if (!next) return;
    const [timer, atMs] = next;
    this.nowMs = Math.max(this.nowMs, atMs);
    this.armed.delete(timer);
    this.feed({ type: 'due', timer, failure: failure(timer) });
  }

  /** Wakes what is idle or about to be, and nothing else. */
  need(): void {
    const { state, afterwards } = this.life;
    this.feed({ type: 'need' });
    if (state === 'idle') expect(this.life.state).toBe('starting');
    else if (afterwards === 'idle') expect(this.life).toMatchObject({ state, afterwards: 'start' });
    else expect(this.life).toMatchObject({ state, afterwards });
  }

  exit(kind: 'lasting' | 'passing'): void {
    const { instance } = this;
    if (instance === undefined) return;
    this.instance = undefined;
    this.feed({ type: 'exited', instance, failure: failure('exited', kind) });
  }

  #checkBackoff(ms: number, random: number): void {
    const ceilingMs = Math.min(limits.backoffMaxMs, limits.backoffFirstMs * 2 ** (this.life.failures - 1));
    expect(ms).toBe(Math.round(ceilingMs * random));
  }

  #check(before: EngineLife, event: LifeEvent): void {
    const { state, instance, failures, failure: shown, afterwards, killAtMs } = this.life;
    this.seen.add(state);
    const what = `${before.state} by ${event.type}`;
    if (state !== before.state) expect(legal[before.state], what).toContain(state);
    expect(instance, what).toBe(this.spawns);
    const running = state === 'starting' || state === 'ready' || state === 'stopping';
    expect(this.instance !== undefined, `${what}: an instance in ${state}`).toBe(running);
    // A grace that is over has fired, and is not armed again.
    const armed = [...this.armed.keys()].sort();
    if (state === 'stopping') expect(timersOf.stopping, what).toEqual(expect.arrayContaining(armed));
    else expect(armed, `${what}: timers in ${state}`).toEqual(timersOf[state]);
    expect(failures).toBeLessThanOrEqual(limits.failuresMax);
    if (state === 'failed') {
      expect(shown).not.toBeNull();
      expect(shown?.kind === 'lasting' || failures === limits.failuresMax).toBe(true);
    }
    if (state === 'ready' || state === 'idle') expect(shown).toBeNull();
    expect(afterwards !== null, what).toBe(state === 'stopping');
    expect(killAtMs !== null, what).toBe(state === 'stopping');
  }
}

type Move = (shell: ModelShell) => void;

const named = (name: string, move: Move): Move => Object.assign(move, { [fc.toStringMethod]: () => name });

/** Of this instance, of the one before, of one that never was. */
const whose = fc.constantFrom(0, 0, 0, -1, 1);

const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(named('start', (shell) => shell.feed({ type: 'start' }))) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(20), fc.constantFrom('stopped' as const, 'idle' as const))
      .map(([graceMs, rest]) =>
        named(`${rest} in ${graceMs}`, (shell) => shell.feed({ type: 'stop', graceMs, rest })),
      ),
  },
  { weight: 2, arbitrary: fc.constant(named('need', (shell) => shell.need())) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...rungs, 'ready' as const), whose)
      .map(([rung, offset]) =>
        named(`climb ${rung} ${offset}`, (shell) =>
          shell.feed({ type: 'climbed', instance: shell.life.instance + offset, rung }),
        ),
      ),
  },
  {
    weight: 2,
    arbitrary: whose.map((offset) =>
      named(`active ${offset}`, (shell) =>
        shell.feed({ type: 'active', instance: shell.life.instance + offset }),
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('lasting' as const, 'passing' as const), whose)
      .map(([kind, offset]) =>
        named(`failed ${kind} ${offset}`, (shell) =>
          shell.feed({
            type: 'failed',
            instance: shell.life.instance + offset,
            failure: failure('unfit', kind),
          }),
        ),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('lasting' as const, 'passing' as const, 'passing' as const)
      .map((kind) => named(`exit ${kind}`, (shell) => shell.exit(kind))),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(-1, 1).map((offset) =>
      named(`exit of another ${offset}`, (shell) =>
        shell.feed({
          type: 'exited',
          instance: shell.life.instance + offset,
          failure: failure('another'),
        }),
      ),
    ),
  },
  { weight: 6, arbitrary: fc.constant(named('fire', (shell) => shell.fire())) },
  {
    weight: 2,
    arbitrary: fc.nat(70_000).map((ms) =>
      named(`wait ${ms}`, (shell) => {
        shell.nowMs += ms;
      }),
    ),
  },
);

describe('any history', () => {
  test('keeps state, instance and timers in step', () => {
    const seen = new Set<EngineStateWord>();
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 60 }), (history) => {
        const shell = new ModelShell();
        for (const move of history) move(shell);
        for (const state of shell.seen) seen.add(state);
      }),
      { numRuns: 3000 },
    );
    expect([...seen].sort(), 'states that the histories reached').toEqual(Object.keys(legal).sort());
  });

  test('ends in stopped, with nothing armed, when it is asked to stop and the instance goes', () => {
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 40 }), (history) => {
        const shell = new ModelShell();
        for (const move of history) move(shell);
        shell.feed({ type: 'stop', graceMs: 10 });
        if (shell.life.state === 'stopping') {
          // It does not listen: the grace passes, it is killed.
          const before = shell.kills;
          shell.fire();
          expect(shell.kills).toBe(before + 1);
          shell.exit('passing');
        }
        expect(shell.life.state).toBe('stopped');
        expect([...shell.armed]).toEqual([]);
        shell.feed({ type: 'start' });
        expect(shell.life.state).toBe('starting');
      }),
      { numRuns: 1500 },
    );
  });

  test('is left alone, comes to rest: ready, or failed after at most five attempts', () => {
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 30 }), (history) => {
        const shell = new ModelShell();
        for (const move of history) move(shell);
        const spawned = shell.spawns;
        // Every instance from here on says nothing and goes when it is asked.
        for (let turn = 0; turn < 40 && shell.armed.size > 0; turn += 1) {
          shell.fire();
          if (shell.life.state === 'stopping') shell.exit('passing');
        }
        expect([...shell.armed]).toEqual([]);
        expect(shell.spawns - spawned).toBeLessThanOrEqual(limits.failuresMax);
      }),
      { numRuns: 1500 },
    );
  });
});
