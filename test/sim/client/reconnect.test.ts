// Whole connections in virtual time, with random faults: no line is lost or doubled, order is kept, speech is bounded
// and accounted for, nothing is left.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectIn } from '../../../src/client/connect.ts';
import type { ClientLine, ClientState } from '../../../src/client/events.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { type Conversations, SimGateway } from './world.ts';

type Fault =
  | { readonly do: 'say' | 'cut' | 'up' | 'congest' | 'flow' }
  | { readonly do: 'down' }
  | { readonly do: 'close'; readonly code: number }
  | { readonly do: 'leave'; readonly goesMs: number | 'never' }
  | { readonly do: 'configure'; readonly how: 'well' | 'badly' }
  | { readonly do: 'speak'; readonly pieces: number };

const faults: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Fault>({ do: 'say' }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('speak' as const), pieces: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 2, arbitrary: fc.constant<Fault>({ do: 'cut' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('close' as const),
      code: fc.constantFrom(1001, 1011, 1012, 1013),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('leave' as const),
      goesMs: fc.constantFrom<number | 'never'>(0, 3, 5, 8, 40, 'never'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('configure' as const),
      how: fc.constantFrom<'well' | 'badly'>('well', 'badly'),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Fault>({ do: 'down' }) },
  { weight: 2, arbitrary: fc.constant<Fault>({ do: 'up' }) },
  { weight: 1, arbitrary: fc.constant<Fault>({ do: 'congest' }) },
  { weight: 1, arbitrary: fc.constant<Fault>({ do: 'flow' }) },
);
const script = fc.array(fc.record({ fault: faults, afterMs: fc.integer({ min: 0, max: 40 }) }), {
  minLength: 1,
  maxLength: 40,
});

const keep = { audioMs: 300, audioBytes: 9600, lines: 10, characters: 1000 };
const pieceBytes = 960;

async function play(
  conversations: Conversations,
  steps: readonly { fault: Fault; afterMs: number }[],
  random: () => number,
) {
  const clock = new VirtualClock();
  const gateway = new SimGateway(clock, conversations);
  const world = { now: () => clock.now(), after: clock.after.bind(clock), random };
  const connection = connectIn(world, {
    ...{ url: 'ws://sim', WebSocket: gateway.Socket, keep, onShutdown: 'wait' as const },
    reconnect: { attempts: 1000, totalMs: 1_000_000, firstMs: 20, maxMs: 100 },
  });
  const lines: ClientLine[] = [];
  const states: ClientState[] = [];
  let [spoken, droppedBytes] = [0, 0];
  connection.on('client.line', (event) => lines.push(event));
  connection.on('client.state', (event) => states.push(event));
  connection.on('client.audio_dropped', ({ bytes }) => {
    droppedBytes += bytes;
  });
  const configured: string[] = [];
  const said: { readonly text: string; readonly itemId: string; readonly state: string }[] = [];
  for (const { fault, afterMs } of steps) {
    await clock.advance(afterMs);
    if (fault.do === 'say') {
      const text = `line ${String(said.length).padStart(3, '0')}`;
      said.push({ text, ...connection.say(text) });
    } else if (fault.do === 'speak') {
      for (let piece = 0; piece < fault.pieces; piece += 1) {
        const pcm = new Int16Array(pieceBytes / 2).fill(spoken / pieceBytes);
        if (connection.append(pcm) !== 'ended') spoken += pieceBytes;
      }
      expect(connection.kept.audioMs).toBeLessThanOrEqual(keep.audioBytes / 48);
    } else if (fault.do === 'configure') {
      // A first connection that does not come about ends it all.
      if (connection.state === 'closed') continue;
      if (fault.how === 'badly') connection.configure({ type: 'transcription' as never, instructions: 'no' });
      else {
        configured.push(`instructions ${configured.length}`);
        connection.configure({ instructions: configured.at(-1) ?? null });
      }
    } else if (fault.do === 'leave') gateway.leave(fault.goesMs);
    else if (fault.do === 'cut') gateway.cut();
    else if (fault.do === 'close') gateway.closeWith(fault.code);
    else if (fault.do === 'congest') gateway.congestion = 1024 * 1024;
    else if (fault.do === 'flow') gateway.congestion = 0;
    else gateway.state = fault.do;
  }
  gateway.state = 'up';
  gateway.congestion = 0;
  await clock.advance(20_000);
  return { clock, gateway, connection, lines, states, said, configured, spoken, dropped: () => droppedBytes };
}

describe.each<Conversations>(['one', 'each'])('with %s conversation for all connections', (conversations) => {
  test('no line is lost or doubled, order is kept, speech is accounted for, nothing is left', async () => {
    const seed = fc.integer({ min: 0, max: 2 ** 31 });
    await fc.assert(
      fc.asyncProperty(script, seed, async (steps, given) => {
        // A cheap generator: what matters is that it can be had again.
        let state = given;
        const random = () => {
          state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
          return state / 2 ** 31;
        };
        const played = await play(conversations, steps, random);
        const { clock, gateway, connection, lines, states, said, configured, spoken, dropped } = played;
        // A gateway that was down at the first connection ends it: that is not repeated.
        if (connection.state === 'closed') {
          expect(states.at(-1)).toMatchObject({ before: 'connecting', cause: 'lost' });
        } else {
          expect(connection.state).toBe('open');
          expect(connection.kept).toEqual({ audioMs: 0, lines: 0 });
          const kept = said.filter(({ state: how }) => how !== 'refused');
          // Each is told once: delivered, in the order in which they were said.
          const delivered = lines.filter(({ state: how }) => how === 'delivered').map(({ itemId }) => itemId);
          expect(delivered).toEqual(kept.map(({ itemId }) => itemId));
          const all = gateway.items.flat();
          expect([...new Set(all)]).toEqual(kept.map(({ text }) => text));
          for (const items of gateway.items) expect(items).toEqual([...new Set(items)].toSorted());
          expect(gateway.session.instructions).toBe(configured.at(-1));
          expect(gateway.late).toEqual([]);
          if (conversations === 'one') expect(all).toEqual([...new Set(all)]);
          if (conversations === 'one') expect(new Set(gateway.questions).size).toBe(gateway.questions.length);
        }
        // In order, nothing twice.
        expect(gateway.pieces).toEqual([...new Set(gateway.pieces)].toSorted((a, b) => a - b));
        const beforeClose = gateway.audioBytes + dropped();
        await Promise.all([connection.close(), clock.advance(5000)]);
        // What was under way when the connection was cut nobody can know; nothing else is missing.
        expect(beforeClose).toBeLessThanOrEqual(spoken);
        const cuts = states.filter(({ before }) => before === 'open').length;
        if (cuts <= 1 && connection.state === 'closed') expect(gateway.audioBytes + dropped()).toBe(spoken);
        expect(lines.length).toBe(said.filter(({ itemId }) => itemId !== '').length);
        expect(gateway.aliveMax).toBeLessThanOrEqual(1);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});

test('an outage that does not end is given up, and what was kept is told', async () => {
  const clock = new VirtualClock();
  const gateway = new SimGateway(clock, 'each');
  const world = { now: () => clock.now(), after: clock.after.bind(clock), random: () => 1 };
  const connection = connectIn(world, {
    ...{ url: 'ws://sim', WebSocket: gateway.Socket, keep },
    reconnect: { attempts: 5, firstMs: 100, maxMs: 1000, totalMs: 60_000 },
  });
  const told: unknown[] = [];
  connection.on('client.line', ({ state }) => told.push(state));
  connection.on('client.audio_dropped', ({ why, ms }) => told.push(`${why} ${ms} ms`));
  await clock.advance(100);
  gateway.state = 'down';
  gateway.cut();
  await clock.advance(50);
  expect(connection.say('never heard')).toMatchObject({ state: 'kept' });
  expect(connection.append(new Int16Array(480))).toBe('kept');
  expect(connection.kept).toEqual({ audioMs: 20, lines: 1 });
  expect(() => connection.send({ type: 'response.cancel' })).toThrow('still reconnecting');
  await clock.advance(60_000);
  expect(await connection.closed).toMatchObject({
    cause: 'lost',
    reason: expect.stringMatching(/^nobody there; given up after 5 attempts in 2\.\d s$/),
  });
  expect(told).toEqual(['undelivered', 'closed 20 ms']);
  expect(clock.pending).toBe(0);
});

test('what was asked of the session is asked of the next one, before anything else, and nothing that was refused', async () => {
  const clock = new VirtualClock();
  const gateway = new SimGateway(clock, 'each');
  const sent: string[] = [];
  const { take } = gateway;
  gateway.take = (event, socket) => {
    sent.push(
      event.type === 'session.update' ? `${event.type} ${JSON.stringify(event.session)}` : event.type,
    );
    take.call(gateway, event, socket);
  };
  const world = { now: () => clock.now(), after: clock.after.bind(clock), random: () => 1 };
  const connection = connectIn(world, { url: 'ws://sim', WebSocket: gateway.Socket });
  connection.configure({ instructions: 'Be brief.' });
  connection.append(new Int16Array(480));
  await clock.advance(100);
  connection.send({ type: 'session.update', session: { output_modalities: ['text'] } });
  gateway.cut();
  connection.say('Hello.');
  await clock.advance(1000);
  expect(sent).toEqual([
    'session.update {"instructions":"Be brief."}',
    'input_audio_buffer.append',
    // What was agreed first, then what was under way: the one may be refused without the other.
    'session.update {"instructions":"Be brief."}',
    'session.update {"output_modalities":["text"]}',
    'conversation.item.create',
    'response.create',
  ]);
  const refused = connection.configure({ type: 'transcription' as never, instructions: null });
  const errors: unknown[] = [];
  connection.on('error', ({ error }) => errors.push(error.event_id));
  await clock.advance(100);
  expect(errors).toEqual([refused]);
  sent.length = 0;
  gateway.cut();
  await clock.advance(1000);
  expect(sent).toEqual(['session.update {"instructions":"Be brief.","output_modalities":["text"]}']);
  const closing = connection.close();
  await clock.advance(100);
  await closing;
});

test('a commit does not overtake the speech that a slow connection has not taken yet', async () => {
  const clock = new VirtualClock();
  const gateway = new SimGateway(clock, 'each');
  const types: string[] = [];
  gateway.take = ({ type }) => types.push(type);
  const world = { now: () => clock.now(), after: clock.after.bind(clock), random: () => 1 };
  const connection = connectIn(world, { url: 'ws://sim', WebSocket: gateway.Socket });
  await clock.advance(100);
  gateway.congestion = 1024 * 1024;
  expect(connection.append(new Int16Array(480))).toBe('kept');
  connection.send({ type: 'response.cancel' });
  connection.commit();
  await clock.advance(100);
  expect(types).toEqual(['response.cancel', 'input_audio_buffer.append', 'input_audio_buffer.commit']);
  const closing = connection.close();
  await clock.advance(100);
  await closing;
});

test('speech that has become too old is told and not sent, also when lines are waiting', async () => {
  const clock = new VirtualClock();
  const gateway = new SimGateway(clock, 'each');
  const world = { now: () => clock.now(), after: clock.after.bind(clock), random: () => 1 };
  const reconnect = { firstMs: 1000 };
  const connection = connectIn(world, { url: 'ws://sim', WebSocket: gateway.Socket, keep, reconnect });
  const told: unknown[] = [];
  connection.on('client.audio_dropped', ({ why, ms }) => told.push(`${why} ${ms} ms`));
  connection.on('client.line', ({ state }) => told.push(state));
  await clock.advance(100);
  gateway.cut();
  await clock.advance(1);
  expect(connection.append(new Int16Array(480))).toBe('kept');
  expect(connection.append(new Int16Array(0))).toBe('kept');
  connection.say('Hello.');
  await clock.advance(2000);
  expect(told).toEqual(['age 20 ms', 'delivered']);
  expect(gateway.audioBytes).toBe(0);
  const closing = connection.close();
  await clock.advance(5000);
  await closing;
  expect(clock.pending).toBe(0);
});
