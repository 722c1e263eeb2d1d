import { describe, expect, test } from 'vitest';
import {
  type EngineFailure,
  type EngineLife,
  type EngineStateWord,
  type LifeEffect,
  type LifeEvent,
  limitsDefault,
  nextLife,
  rungs,
} from '../../../src/engines/state.ts';
import { climbed, due, exited, failed, failure, limits, live, lives, start, step, stop } from './lives.ts';

const word = (effect: LifeEffect): string => {
  if (effect.type === 'arm') return `arm ${effect.timer} ${effect.ms}`;
  if (effect.type === 'disarm') return `disarm ${effect.timer}`;
  return effect.type === 'spawn' ? `spawn ${effect.instance}` : effect.type;
};
const words = (effects: readonly LifeEffect[]) => effects.map(word).join(', ');

const spawning = (instance: number) => `disarm retry, arm total 600, arm stall 120, spawn ${instance}`;
const asking = (graceMs: number) => `disarm stall, disarm total, terminate, arm grace ${graceMs}`;
const ended = 'disarm stall, disarm total, disarm grace';

/** From a state by an event to a state, and what the shell does. What is not here changes nothing. */
const table: readonly [EngineStateWord, string, LifeEvent, EngineStateWord, string][] = [
  ['idle', 'start', start, 'starting', spawning(1)],
  ['idle', 'stop', stop, 'stopped', 'disarm retry'],

  ['starting', 'a rung', climbed('alive'), 'starting', 'arm stall 120'],
  ['starting', 'the last rung', climbed('ready'), 'ready', 'disarm stall, disarm total'],
  [
    'starting',
    'progress',
    { type: 'progressed', instance: 1, fraction: 0.5, text: 'x' },
    'starting',
    'arm stall 120',
  ],
  ['starting', 'output', { type: 'active', instance: 1 }, 'starting', 'arm stall 120'],
  ['starting', 'failed', failed(), 'stopping', asking(10)],
  ['starting', 'exited', exited(), 'backoff', `${ended}, arm retry 500`],
  ['starting', 'exited for a lasting cause', exited('no', 1, 'lasting'), 'failed', ended],
  ['starting', 'stalled', due('stall'), 'stopping', asking(10)],
  ['starting', 'late', due('total'), 'stopping', asking(10)],
  ['starting', 'stop', stop, 'stopping', asking(5)],

  ['ready', 'failed', failed(), 'stopping', asking(10)],
  ['ready', 'exited', exited(), 'backoff', `${ended}, arm retry 500`],
  ['ready', 'stop', stop, 'stopping', asking(5)],

  ['stopping', 'start', start, 'stopping', ''],
  ['stopping', 'exited', exited(), 'backoff', `${ended}, arm retry 500`],
  ['stopping', 'out of grace', due('grace'), 'stopping', 'kill'],
  ['stopping', 'stop', stop, 'stopping', 'arm grace 5'],

  ['stopped', 'start', start, 'starting', spawning(2)],
  ['backoff', 'start', start, 'starting', spawning(2)],
  ['backoff', 'retry', due('retry'), 'starting', spawning(2)],
  ['backoff', 'stop', stop, 'stopped', 'disarm retry'],
  ['failed', 'start', start, 'starting', spawning(2)],
  ['failed', 'stop', stop, 'stopped', 'disarm retry'],
];

const everyEvent: Readonly<Record<string, LifeEvent>> = {
  start,
  stop,
  'a rung': climbed('alive'),
  'the last rung': climbed('ready'),
  progress: { type: 'progressed', instance: 1, fraction: 0.5, text: 'x' },
  output: { type: 'active', instance: 1 },
  failed: failed(),
  exited: exited(),
  stalled: due('stall'),
  late: due('total'),
  'out of grace': due('grace'),
  retry: due('retry'),
};

describe('every transition', () => {
  test.each(table)('%s, %s: %#', (from, _, event, to, effects) => {
    const next = step(lives[from], event);
    expect(next.life.state).toBe(to);
    expect(words(next.effects)).toBe(effects);
  });

  const rest = Object.keys(lives).flatMap((from) =>
    Object.keys(everyEvent)
      .filter((name) => !table.some(([state, event]) => state === from && event === name))
      .map((name) => [from as EngineStateWord, name] as const),
  );
  test.each(rest)('%s: %s changes nothing', (from, name) => {
    const event = everyEvent[name] as LifeEvent;
    expect(step(lives[from], event)).toEqual({ life: lives[from], effects: [] });
  });
});

describe('the ladder', () => {
  test('is climbed in order, and never down', () => {
    const high = live([start, climbed('http')]);
    expect(step(high, climbed('alive')).life).toBe(high);
    expect(step(high, climbed('http')).life).toBe(high);
  });

  test('keeps the time of each rung from the start of the attempt', () => {
    let { life } = step(lives.idle, start, 1000);
    for (const [at, rung] of (['spawned', 'alive', 'ready'] as const).entries())
      life = step(life, climbed(rung), 1010 + at * 10).life;
    expect(life.rungMs).toEqual({ spawned: 10, alive: 20, ready: 30 });
    expect(life.readyMs).toBe(1030);
  });

  test('has each rung once', () => {
    expect(new Set(rungs).size).toBe(rungs.length);
  });

  test('progress keeps the last fraction and the last text', () => {
    const life = live([
      start,
      { type: 'progressed', instance: 1, fraction: 0.5, text: 'reading' },
      { type: 'progressed', instance: 1, fraction: null, text: 'compiling' },
      { type: 'progressed', instance: 1, fraction: 0.6, text: null },
    ]);
    expect(life).toMatchObject({ progress: 0.6, text: 'compiling' });
  });
});

describe('failures', () => {
  test('the first cause is told, not the exit that followed from it', () => {
    const life = live([start, due('stall'), exited('exited with code 0')]);
    expect(life.state).toBe('backoff');
    expect(life.failure?.message).toBe('stall is over');
    expect(life.failures).toBe(1);
  });

  test('is told with what was written until the end', () => {
    const stopping = live([start, failed('unfit')]);
    const end = (logTail: readonly string[]) => {
      const exit: LifeEvent = { type: 'exited', instance: 1, failure: { ...failure('gone'), logTail } };
      return step(stopping, exit).life.failure;
    };
    expect(end(['its last words'])).toMatchObject({ message: 'unfit', logTail: ['its last words'] });
    expect(end([])).toMatchObject({ message: 'unfit', logTail: [] });
  });

  test('five in a row end in failed', () => {
    let life = lives.idle;
    const states: EngineStateWord[] = [];
    for (let instance = 1; instance <= limits.failuresMax; instance += 1) {
      life = step(life, instance === 1 ? start : due('retry')).life;
      life = step(life, exited('again', instance)).life;
      states.push(life.state);
    }
    expect(states).toEqual(['backoff', 'backoff', 'backoff', 'backoff', 'failed']);
  });

  test.each([
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [7, 60_000],
  ])('after %i of them the back-off is at most %i ms, with full jitter', (failures, ceilingMs) => {
    const tried = { ...limits, failuresMax: 100 };
    const before = { ...lives.starting, failures: failures - 1 };
    const pause = (random: number) => {
      const { effects } = nextAfterExit(before, random, tried);
      return effects.find((effect) => effect.type === 'arm' && effect.timer === 'retry');
    };
    expect(pause(0)).toMatchObject({ ms: 0 });
    expect(pause(0.5)).toMatchObject({ ms: ceilingMs / 2 });
    expect(pause(1)).toMatchObject({ ms: ceilingMs });
  });

  test('to get a port are followed by other ports at once, three times', () => {
    const taken = { ...failure('the port is taken'), code: 'engine_port_taken' } as const;
    const waits: unknown[] = [];
    let life = live([start]);
    for (let instance = 1; instance <= 4; instance += 1) {
      const { life: next, effects } = step(life, { type: 'exited', instance, failure: taken });
      waits.push(effects.find((effect) => effect.type === 'arm' && effect.timer === 'retry'));
      expect(next).toMatchObject({ state: 'backoff', failures: instance });
      life = step(next, { type: 'due', timer: 'retry', failure: taken }).life;
    }
    expect(waits).toEqual([0, 0, 0, 4000].map((ms) => ({ type: 'arm', timer: 'retry', ms })));
    expect(step(life, { type: 'exited', instance: 5, failure: taken }).life.state).toBe('failed');
  });

  test('to get a port are followed by other ports for who allows one try as well; any other is its last', () => {
    const taken = { ...failure('the port is taken'), code: 'engine_port_taken' } as const;
    const once = { limits: { ...limits, failuresMax: 1 }, nowMs: 0, random: 1 };
    const exits = (life: EngineLife, how: EngineFailure) =>
      nextLife(life, { type: 'exited', instance: life.instance, failure: how }, once).life;
    const again = exits(lives.starting, taken);
    expect(again.state).toBe('backoff');
    const second = nextLife(again, { type: 'due', timer: 'retry', failure: taken }, once).life;
    expect(exits(second, failure('exited with code 1')).state).toBe('failed');
    expect(exits({ ...second, failures: 3 }, taken).state).toBe('failed');
    expect(exits(lives.starting, { ...taken, kind: 'lasting' }).state).toBe('failed');
  });

  test('are forgotten after 60 s of being ready', () => {
    const troubled = { ...lives.ready, failures: 4, readyMs: 0 };
    expect(step(troubled, exited(), limitsDefault.forgetMs).life).toMatchObject({
      state: 'backoff',
      failures: 1,
    });
    expect(step(troubled, exited(), limitsDefault.forgetMs - 1).life).toMatchObject({
      state: 'failed',
      failures: 5,
    });
  });

  test('a slow end after a short time of being ready does not count as being ready', () => {
    const troubled = { ...lives.ready, failures: 4, readyMs: 0 };
    const stopping = step(troubled, failed(), limitsDefault.forgetMs - 1).life;
    expect(step(stopping, exited(), limitsDefault.forgetMs + 5).life.state).toBe('failed');
  });

  test('a failure is shown until the engine is ready again', () => {
    const again = live([start, exited(), due('retry')]);
    expect(again.failure?.message).toBe('gone');
    expect(live([climbed('ready', 2)], again).failure).toBeNull();
  });

  test('being asked again forgets what was before', () => {
    for (const from of ['failed', 'backoff', 'stopped'] as const)
      expect(step(lives[from], start).life).toMatchObject({ failures: 0, failure: null });
  });
});

describe('start and stop', () => {
  test('a start during a stop begins when the instance is gone', () => {
    const life = live([start, climbed('ready'), stop, start]);
    const next = step(life, exited());
    expect(next.life).toMatchObject({ state: 'starting', instance: 2, failures: 0 });
    expect(words(next.effects)).toBe(`${ended}, ${spawning(2)}`);
  });

  test('a stop after it takes it back', () => {
    const life = live([start, climbed('ready'), stop, start, stop]);
    expect(step(life, exited()).life.state).toBe('stopped');
  });

  test('a stop while it is recovering ends in stopped', () => {
    expect(live([start, climbed('ready'), failed(), stop, exited()]).state).toBe('stopped');
  });

  test('the stop with less patience decides when it is killed', () => {
    const asked = step(lives.ready, { type: 'stop', graceMs: 100 }, 0).life;
    expect(words(step(asked, { type: 'stop', graceMs: 20 }, 10).effects)).toBe('arm grace 20');
    expect(words(step(asked, { type: 'stop', graceMs: 500 }, 10).effects)).toBe('arm grace 90');
  });

  test('nothing of the last run is shown when it is gone', () => {
    for (const state of ['stopped', 'backoff', 'failed'] as const)
      expect(lives[state]).toMatchObject({
        rung: null,
        progress: null,
        text: null,
        killAtMs: null,
        afterwards: null,
      });
  });
});

describe('an old instance', () => {
  test.each([climbed('ready', 1), failed('late', 1), exited('late', 1)])(
    'is not listened to: $type',
    (event) => {
      const second = live([start, exited(), due('retry'), climbed('spawned', 2)]);
      expect(step(second, event)).toEqual({ life: second, effects: [] });
    },
  );
});

function nextAfterExit(life: typeof lives.starting, random: number, tried: typeof limits) {
  return nextLife(
    life,
    { type: 'exited', instance: 1, failure: failure('x') },
    { limits: tried, nowMs: 0, random },
  );
}
