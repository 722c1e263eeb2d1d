import { describe, expect, test } from 'vitest';
import { begin, cannotSend, next } from '../../../src/client/life.ts';
import type { Life, LifeEffect, LifeEvent, LifeWorld } from '../../../src/client/life-states.ts';
import { reconnectDefaults, steadyMs } from '../../../src/client/retry.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';

const world: LifeWorld = {
  nowMs: 0,
  random: () => 0.5,
  url: 'ws://host/v1/realtime',
  reconnect: { ...reconnectDefaults, attempts: 3 },
  shutdown: 'end',
  openTimeoutMs: 1000,
  closeGraceMs: 100,
  farewellMs: 500,
};

const opened: LifeEvent = { type: 'socket_opened' };
const closed = (code: number, reason = ''): LifeEvent => ({
  type: 'socket_closed',
  ...{ code, reason, wasClean: code !== 1006 },
});
const timer = (name: 'open' | 'retry' | 'grace' | 'farewell'): LifeEvent => ({ type: 'timer', name });
const explained = (status?: number, retryMs?: number): LifeEvent => ({
  type: 'explained',
  error: new GreenroomError('gateway_unreachable', 'nobody there', { details: { status, retryMs } }),
});
const leave: LifeEvent = { type: 'close', code: 1000, reason: '' };
const goodbye = (retryMs: number | null = null): LifeEvent => ({
  type: 'shutdown_noticed',
  ...{ message: 'the gateway is leaving', retryMs },
});

/** Takes the events one after the other; each may come at a time of its own. */
function run(events: readonly (LifeEvent | number)[], changes: Partial<LifeWorld> = {}) {
  let nowMs = 0;
  let { life, effects }: { life: Life; effects: readonly LifeEffect[] } = begin(world);
  const all = [...effects];
  for (const event of events) {
    if (typeof event === 'number') {
      nowMs += event;
      continue;
    }
    ({ life, effects } = next(life, event, { ...world, ...changes, nowMs }));
    all.push(...effects);
  }
  return {
    life,
    effects,
    all,
    last: (type: LifeEffect['type']) => all.findLast((effect) => effect.type === type),
  };
}

function permutations<T>(values: readonly T[]): readonly (readonly T[])[] {
  if (values.length <= 1) return [values];
  return values.flatMap((value, at) => permutations(values.toSpliced(at, 1)).map((rest) => [value, ...rest]));
}

describe('the first connection', () => {
  test('opens', () => {
    const { life, effects } = run([opened]);
    expect(life).toEqual({ state: 'open', step: 'serving', sinceMs: 0, outage: null, hintMs: null });
    expect(effects.map(({ type }) => type)).toEqual(['no_timer', 'tell']);
  });

  test('that does not open asks why, rejects, and is not repeated', () => {
    expect(run([closed(1006)]).life).toMatchObject({ state: 'connecting', step: 'asking' });
    const { life, last } = run([closed(1006), explained()]);
    expect(life).toMatchObject({ state: 'closed', end: { cause: 'lost', reason: 'nobody there' } });
    expect(last('reject')).toMatchObject({ error: { message: 'nobody there' } });
    expect(run([closed(1006), explained(404)]).life).toMatchObject({ end: { cause: 'refused' } });
  });

  test('that is not answered in time is cut, and says so', () => {
    const { life, last, all } = run([timer('open'), closed(1006)]);
    expect(all.map(({ type }) => type)).toContain('cut_socket');
    expect(life).toMatchObject({ state: 'closed', end: { code: 1006, cause: 'lost' } });
    expect(last('reject')).toMatchObject({ error: { code: 'deadline_exceeded' } });
  });

  test.each([[[]], [[closed(1006)]]])('can be left before it is open (%#)', (before) => {
    const { life, last } = run([...before, leave, closed(1006)]);
    expect(life).toMatchObject({ state: 'closed', end: { cause: 'asked' } });
    expect(last('reject')).toMatchObject({ error: { code: 'cancelled' } });
  });
});

describe('a connection that was open', () => {
  test.each([1005, 1006, 1011, 1012, 1013, 1014])('and ends with %i is tried again', (code) => {
    const { life, last } = run([opened, closed(code)]);
    expect(life).toMatchObject({ state: 'reconnecting', step: 'waiting' });
    expect(last('timer')).toMatchObject({ name: 'retry', ms: 125 });
    expect(last('tell')).toMatchObject({ before: 'open', attempt: 1, retryMs: 125 });
  });

  test.each([
    [1000, 'finished'],
    [1001, 'shutdown'],
    [1002, 'refused'],
    [1008, 'refused'],
    [1009, 'refused'],
    [3000, 'refused'],
    [4401, 'refused'],
    [4408, 'refused'],
    [4409, 'refused'],
    [4410, 'refused'],
  ])('and ends with %i is not: %s', (code, cause) => {
    expect(run([opened, closed(code, 'so')]).life).toEqual({
      state: 'closed',
      end: { code, reason: 'so', wasClean: true, cause },
    });
  });

  test('is lost at once where it is not to come back', () => {
    const { life } = run([opened, closed(1006)], { reconnect: null });
    expect(life).toMatchObject({ state: 'closed', end: { code: 1006, reason: '', cause: 'lost' } });
  });

  test('comes back, each wait twice the one before, and gives up after its attempts', () => {
    const again = [timer('retry'), closed(1006), explained()];
    const { life, all } = run([opened, closed(1006), ...again, ...again, ...again]);
    const waits = all.flatMap((effect) =>
      effect.type === 'timer' && effect.name === 'retry' ? [effect.ms] : [],
    );
    expect(waits).toEqual([125, 250, 500]);
    const reason = 'nobody there; given up after 3 attempts in 0.0 s';
    expect(life).toMatchObject({ state: 'closed', end: { cause: 'lost', reason } });
    expect(all.filter(({ type }) => type === 'reject')).toEqual([]);
  });

  test('gives up when the time of an outage is over, however many attempts are left', () => {
    const { life } = run([opened, closed(1006), 120_001, timer('retry'), closed(1006), explained()]);
    expect(life).toMatchObject({ state: 'closed', end: { cause: 'lost' } });
  });

  test('an attempt that is refused in words is the last one; one that is told to wait waits', () => {
    const before = [opened, closed(1006), timer('retry'), closed(1006)];
    expect(run([...before, explained(401)]).life).toMatchObject({
      state: 'closed',
      end: { cause: 'refused' },
    });
    expect(run([...before, explained(503, 4000)]).last('timer')).toMatchObject({ name: 'retry', ms: 4125 });
    expect(run([...before, explained(503, 400_000)]).life).toMatchObject({
      end: {
        cause: 'lost',
        reason: expect.stringContaining('wants us in 400000 ms, and 120000 ms are left'),
      },
    });
  });

  test('an outage is over when the connection has held, and not before', () => {
    const back = [opened, closed(1013), timer('retry'), opened];
    expect(run([...back, 100, closed(1013)]).last('tell')).toMatchObject({ attempt: 2 });
    expect(run([...back, steadyMs, closed(1013)]).last('tell')).toMatchObject({ attempt: 1 });
  });

  test.each([
    ['waiting', []],
    ['dialling', [timer('retry')]],
    ['asking', [timer('retry'), closed(1006)]],
  ])('can be left while it comes back (%s)', (step, events) => {
    const before = [opened, closed(1006), ...events];
    expect(run(before).life).toMatchObject({ state: 'reconnecting', step });
    const { life, all } = run([...before, leave, closed(1006)]);
    expect(life).toMatchObject({ state: 'closed', end: { cause: 'asked' } });
    expect(all.filter(({ type }) => type === 'reject')).toEqual([]);
  });
});

describe('the end', () => {
  test('a close is sent once, waited for, and cut when it is not answered', () => {
    const asked = run([opened, leave, leave]);
    expect(asked.all.filter(({ type }) => type === 'close_socket')).toHaveLength(1);
    expect(run([opened, leave, closed(1000)]).life).toMatchObject({ end: { code: 1000, cause: 'asked' } });
    const late = run([opened, leave, timer('grace')]);
    expect(late.effects).toEqual([{ type: 'cut_socket' }]);
    expect(next(late.life, closed(1006), world).life).toMatchObject({
      end: { code: 1006, reason: 'the close was not answered within 100 ms', cause: 'asked' },
    });
  });

  test('after a notice of shutdown the gateway has the word; one that does not close is closed', () => {
    const noticed = run([opened, goodbye()]);
    expect(noticed.life).toMatchObject({ state: 'closing', step: 'farewell' });
    expect(noticed.last('close_socket')).toBeUndefined();
    expect(run([opened, goodbye(), closed(1001)]).life).toMatchObject({
      end: { code: 1001, cause: 'shutdown' },
    });
    const { life, all } = run([opened, goodbye(), timer('farewell'), timer('farewell'), leave, closed(1000)]);
    expect(all.filter(({ type }) => type === 'close_socket')).toHaveLength(1);
    expect(life).toMatchObject({ end: { cause: 'shutdown' } });
  });

  test('or the next gateway is waited for, from when this one said it may be there', () => {
    const { life, last } = run([opened, goodbye(2000), closed(1001)], { shutdown: 'wait' });
    expect(life).toMatchObject({ state: 'reconnecting' });
    expect(last('timer')).toMatchObject({ name: 'retry', ms: 2125 });
  });

  test('a gateway that said goodbye and does not go is left for the next one, and that one is not', () => {
    const changes = { shutdown: 'wait' } as const;
    const noticed = run([opened, goodbye()], changes);
    expect(noticed.life).toMatchObject({ state: 'open', step: 'leaving' });
    expect(noticed.effects).toEqual([{ type: 'timer', name: 'farewell', ms: 500 }]);
    expect(cannotSend('a line', noticed.life)).toMatchObject({
      code: 'not_ready',
      message: 'cannot send a line: the gateway is leaving; wait for `client.state`',
    });
    const late = run([opened, goodbye(), timer('farewell')], changes);
    expect(late.effects).toEqual([{ type: 'cut_socket' }]);
    const back = run([opened, goodbye(), closed(1001), timer('retry'), opened], changes);
    expect(back.last('no_timer')).toBeDefined();
    expect(back.all).toContainEqual({ type: 'no_timer', name: 'farewell' });
    expect(back.life).toMatchObject({ state: 'open', step: 'serving', hintMs: null });
  });

  /** What may come at the same moment, in every order. */
  const atOnce: readonly (readonly [string, LifeEvent])[] = [
    ['notice', goodbye(10)],
    ['close', leave],
    ['lost', closed(1006)],
  ];
  const orders = permutations(atOnce);

  describe.each(['end', 'wait'] as const)('with onShutdown %s', (shutdown) => {
    test.each(orders.map((order) => [order.map(([name]) => name).join(', '), order] as const))(
      'comes once, whatever comes first: %s',
      (_names, order) => {
        const { life, all } = run([opened, ...order.map(([, event]) => event)], { shutdown });
        const told = all.filter((effect) => effect.type === 'tell');
        expect(life.state).toBe('closed');
        expect(all.filter(({ type }) => type === 'close_socket').length).toBeLessThanOrEqual(1);
        // The first cause is the one that is told; who is told to go does not come back.
        const [first] = order[0] ?? [];
        const cause = first === 'notice' && shutdown === 'end' ? 'shutdown' : 'asked';
        expect(life).toMatchObject({ end: { cause } });
        expect(told.filter(({ before }) => before === 'closing' || before === 'reconnecting').length).toBe(1);
        for (const event of [opened, closed(1006), timer('retry'), timer('farewell'), timer('grace')])
          expect(next(life, event, { ...world, shutdown })).toEqual({ life, effects: [] });
      },
    );
  });

  test('nothing that comes later changes anything', () => {
    const { life } = run([opened, closed(1000)]);
    for (const event of [opened, closed(1006), timer('retry'), explained(), leave, goodbye()])
      expect(next(life, event, world)).toEqual({ life, effects: [] });
  });
});
