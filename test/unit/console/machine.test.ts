// Machines from their state changes alone.
import { expect, test } from 'vitest';
import type { Seen } from '../../../console/src/live/watch.ts';
import { changeIn, Machines } from '../../../console/src/machines/machine.ts';

const payload = (from: string | null, to: string, trigger = 'go') => ({
  machine_name: 'press',
  event_type: 'state_change',
  payload: { ...(from !== null && { from_state: from }), to_state: to, event_trigger: trigger },
});
let count = 0;
const event = (data: unknown, ts: number, topic = 'press'): Seen => ({
  ...{ kind: 'event', id: `e.${(count += 1)}`, topic, ts, data, raw: JSON.stringify({ data }) },
});

test.each([
  [payload('idle', 'busy'), { machine: 'press', from: 'idle', to: 'busy', trigger: 'go' }],
  [
    { machine_name: 'saw', type: 'state_change', from_state: 'a', to_state: 'b' },
    { machine: 'saw', from: 'a', to: 'b', trigger: null },
  ],
  [
    { from_state: 'a', to_state: 'b' },
    { machine: 'topic', from: 'a', to: 'b', trigger: null },
  ],
  [{ to_state: 'b' }, { machine: 'topic', from: null, to: 'b', trigger: null }],
  [{ ...payload('a', 'b'), event_type: 'activity_log' }, null],
  [{ from_state: 'a' }, null],
  [{ to_state: 7 }, null],
  ['to_state', null],
  [[{ to_state: 'b' }], null],
  [null, null],
])('%j is the change %j', (data, expected) => {
  const change = changeIn({ topic: 'topic', ts: 5, data });
  if (expected === null) expect(change).toBeNull();
  else expect(change).toEqual({ ...expected, atMs: 5 });
});

test('a machine grows as it runs, and knows how long it was where', () => {
  const machines = new Machines();
  expect(machines.push([event(payload(null, 'idle'), 1000), event({ hello: 1 }, 1001)])).toBe(1);
  const press = machines.find('press');
  if (!press) throw new Error('no machine press');
  const { shape } = press;
  machines.push([event(payload('idle', 'busy'), 1500), event(payload('busy', 'idle', 'stop'), 1700)]);
  expect(press.shape).toBeGreaterThan(shape);
  expect([...press.states.values()]).toEqual([
    { name: 'idle', visits: 2, totalMs: 500 },
    { name: 'busy', visits: 1, totalMs: 200 },
  ]);
  expect([...press.ways.values()].map(({ from, to, count: times }) => [from, to, times])).toEqual([
    ['idle', 'busy', 1],
    ['busy', 'idle', 1],
  ]);
  expect(press).toMatchObject({ now: 'idle', sinceMs: 1700, changes: 3 });
  expect(press.last[0]).toMatchObject({ from: 'busy', to: 'idle', trigger: 'stop' });
  const settled = press.shape;
  machines.push([event(payload('idle', 'busy'), 1800)]);
  expect(press.shape).toBe(settled);
});

test('states without end are counted and not drawn', () => {
  const machines = new Machines();
  machines.push(Array.from({ length: 100 }, (_, n) => event(payload(`s${n}`, `s${n + 1}`), n)));
  const press = machines.find('press');
  expect(press?.states.size).toBe(60);
  expect(press?.more).toBeGreaterThan(0);
  expect(press?.now).toBe('s100');
  for (const { from, to } of press?.ways.values() ?? []) {
    expect(press?.states.has(from)).toBe(true);
    expect(press?.states.has(to)).toBe(true);
  }
});
