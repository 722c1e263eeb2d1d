// How frames are taken in, in virtual time: a frame takes as long as its text says.
import { expect, test } from 'vitest';
import { type CallerText, Inbox } from '../../../src/sessions/inbox.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';

function inbox() {
  const clock = new VirtualClock();
  const transport = new MemoryTransport();
  const handled: string[] = [];
  const state = { full: false, busyMs: 0 };
  const it = new Inbox({
    id: 'sess_1',
    transport,
    // Time passes while a frame is handled, and only then.
    clock: {
      now: () => clock.now() + state.busyMs,
      wallTime: () => clock.wallTime(),
      after: (ms, callback) => clock.after(ms, callback),
      soon: (callback) => clock.soon(callback),
    },
    isFull: () => state.full,
    handle: (text) => {
      handled.push(String(text));
      state.busyMs += Number(/^\d+/.exec(`${text ?? ''}`)?.[0] ?? 0);
    },
  });
  it.resume();
  return { it, clock, transport, handled, state };
}

test('nothing is handled before it is told to begin, and all of it then', () => {
  const handled: CallerText[] = [];
  const transport = new MemoryTransport();
  const clock = new VirtualClock();
  const it = new Inbox({
    ...{ id: 'sess_1', transport, clock, isFull: () => false },
    handle: (text) => void handled.push(text),
  });
  it.receive('a');
  it.receive(null);
  expect(handled).toEqual([]);
  it.resume();
  it.receive('b');
  expect(handled).toEqual(['a', null, 'b']);
  it.close();
});

test('frames that cost little are handled at once', () => {
  const { it, handled } = inbox();
  for (let frame = 0; frame < 100; frame += 1) it.receive(`0 ${frame}`);
  expect(handled).toHaveLength(100);
});

test('who has held the loop for a while rests for twice as long, and loses nothing, nor its order', async () => {
  const { it, clock, handled } = inbox();
  for (let frame = 0; frame < 10; frame += 1) it.receive(`5 ${frame}`);
  expect(handled).toEqual(['5 0', '5 1']);
  await clock.advance(19);
  expect(handled).toHaveLength(2);
  await clock.advance(1);
  expect(handled).toEqual(['5 0', '5 1', '5 2', '5 3']);
  await clock.advance(1000);
  expect(handled).toEqual(Array.from({ length: 10 }, (_, frame) => `5 ${frame}`));
  expect(clock.pending).toBe(0);
});

test('one frame that takes very long rests for a second at most', async () => {
  const { it, clock, handled } = inbox();
  it.receive('9000 long');
  it.receive('0 next');
  await clock.advance(999);
  expect(handled).toHaveLength(1);
  await clock.advance(1);
  expect(handled).toEqual(['9000 long', '0 next']);
});

test('while it is full frames are kept, and beyond a megabyte nothing is read', () => {
  const { it, transport, handled, state } = inbox();
  state.full = true;
  it.receive('0 a');
  for (let frame = 0; frame < 10; frame += 1) it.receive(`0 ${'x'.repeat(100_000)}`);
  expect({ handled: handled.length, reading: transport.reading }).toEqual({ handled: 1, reading: 'on' });
  it.receive(`0 ${'x'.repeat(100_000)}`);
  expect(transport.reading).toBe('paused');
  state.full = false;
  it.resume();
  expect({ handled: handled.length, reading: transport.reading }).toEqual({ handled: 12, reading: 'on' });
});

test('after the close nothing is handled, and nothing is left', async () => {
  const { it, clock, handled } = inbox();
  it.receive('50 a');
  it.receive('0 b');
  it.close();
  it.receive('0 c');
  await clock.advance(5000);
  expect(handled).toEqual(['50 a']);
  expect(clock.pending).toBe(0);
});
