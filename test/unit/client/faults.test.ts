// Sockets, signals and reasons that are not as they should be: whatever throws, a connection goes on or ends, and says so.
import { describe, expect, test, vi } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { type ConnectOptions, connect, type SocketClass } from '../../../src/client/index.ts';
import { until } from '../../support/poll.ts';
import { type FakeBehaviour, fakeGateway } from './fake-gateway.ts';

const soon = { timeoutMs: 3000 };
const sockets: [string, Partial<ConnectOptions>][] = [
  ['the global WebSocket', {}],
  ['ws', { WebSocket: WsWebSocket }],
];
/** Shows every item that it is sent. */
const shows: FakeBehaviour = {
  onEvent({ type, item }, call) {
    if (type === 'conversation.item.create') call.send({ type: 'conversation.item.added', item });
  },
};

type Broken = 'send' | 'close' | 'terminate' | 'addEventListener';

/** A class whose sockets throw at one thing, from the time they are told to. */
function breaking(method: Broken) {
  const state = { broken: false, made: [] as WsWebSocket[] };
  const Socket = class extends WsWebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      state.made.push(this);
    }
  };
  const work = Socket.prototype[method] as (...args: unknown[]) => unknown;
  Object.defineProperty(Socket.prototype, method, {
    value(this: WsWebSocket, ...args: unknown[]) {
      // An error that nobody listens to, `ws` throws.
      if (state.broken && args[0] !== 'error') throw new Error(`no ${method} today`);
      return work.apply(this, args);
    },
  });
  return { state, Socket: Socket as unknown as SocketClass };
}

describe.each(sockets)('over %s', (_name, socket) => {
  test.each([
    ['x'.repeat(500), 'x'.repeat(123)],
    ['é'.repeat(100), 'é'.repeat(61)],
    ['a'.repeat(120) + '🎈'.repeat(9), 'a'.repeat(120)],
    [`${'a'.repeat(119)}🎈b`, `${'a'.repeat(119)}🎈`],
    [`${'a'.repeat(121)}\ud800b`, 'a'.repeat(121)],
  ])('a reason that is too long for a close frame is cut at a character (%#)', async (given, arrives) => {
    await using gateway = await fakeGateway();
    const connection = connect({ url: gateway.url, ...socket });
    await connection.opened;
    expect(await connection.close(4000, given)).toMatchObject({ cause: 'asked', code: 4000 });
    expect(await gateway.calls[0]?.closed).toEqual({ code: 4000, reason: arrives });
  });
});

describe('a socket that throws', () => {
  test('when it is sent to has ended: the next one has the line, once', async () => {
    await using gateway = await fakeGateway(shows);
    const { state, Socket } = breaking('send');
    await using connection = connect({ url: gateway.url, WebSocket: Socket, reconnect: { firstMs: 1 } });
    const told: string[] = [];
    connection.on('client.line', ({ state: how }) => told.push(how));
    connection.on('client.state', ({ state: how, reason }) => told.push(`${how}: ${reason}`));
    await connection.opened;
    state.broken = true;
    connection.say('Hello.');
    state.broken = false;
    await until(() => told.includes('delivered'), { ...soon, what: 'the line' });
    expect(told[1]).toMatch(
      /^reconnecting: ws:\/\/127\.0\.0\.1:\d+\/v1\/realtime\?notices=1 cannot be sent to: no send today$/,
    );
    expect(told.filter((word) => word === 'delivered')).toHaveLength(1);
    await until(() => gateway.calls[1]?.received.length === 2, { ...soon, what: 'the question' });
    const types = gateway.calls.map(({ received }) => received.map(({ type }) => type));
    expect(types).toEqual([[], ['conversation.item.create', 'response.create']]);
    // It was let go of as well.
    await gateway.calls[0]?.closed;
  });

  test.each<[Broken[]]>([[['close']], [['close', 'terminate']]])(
    'when it is closed has ended (%j)',
    async (broken) => {
      await using gateway = await fakeGateway();
      const { state, Socket } = breaking('close');
      const connection = connect({ url: gateway.url, WebSocket: Socket, closeGraceMs: 60_000 });
      await connection.opened;
      if (broken.includes('terminate')) {
        Object.defineProperty(state.made[0], 'terminate', {
          value: () => {
            throw new Error('no terminate today');
          },
        });
      }
      state.broken = true;
      expect(await connection.close()).toMatchObject({
        ...{ code: 1006, cause: 'asked' },
        reason: expect.stringContaining('cannot be closed: no close today'),
      });
      expect(connection.state).toBe('closed');
    },
  );

  test('when it is ended has ended', async () => {
    await using gateway = await fakeGateway({ refusal: 'never' });
    const { state, Socket } = breaking('terminate');
    const connection = connect({ url: gateway.url, WebSocket: Socket });
    state.broken = true;
    expect(await connection.close()).toMatchObject({ cause: 'asked' });
    await expect(connection.opened).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('when it is listened to could not be opened, the first time and later', async () => {
    await using gateway = await fakeGateway();
    const { state, Socket } = breaking('addEventListener');
    state.broken = true;
    const options = { url: gateway.url, WebSocket: Socket, reconnect: { attempts: 2, firstMs: 1 } };
    await expect(connect(options).opened).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: expect.stringContaining('cannot be opened: no addEventListener today'),
    });
    state.broken = false;
    const connection = connect(options);
    await connection.opened;
    state.broken = true;
    gateway.calls.at(-1)?.socket.terminate();
    expect(await connection.closed).toMatchObject({
      cause: 'lost',
      reason: expect.stringMatching(/no addEventListener today; given up after 2 attempts/),
    });
  });
});

test('a signal that throws when it is let go of keeps nothing from ending', async () => {
  const thrown: unknown[] = [];
  const uncaught = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => {
    try {
      callback();
    } catch (error) {
      thrown.push(error);
    }
  });
  await using gateway = await fakeGateway();
  const signal = new AbortController().signal;
  signal.removeEventListener = () => {
    throw new Error('a fault of the signal');
  };
  const connection = connect({ url: gateway.url, signal });
  await connection.opened;
  const read = (async () => {
    const states: string[] = [];
    for await (const event of connection) if (event.type === 'client.state') states.push(event.state);
    return states;
  })();
  expect(await connection.close()).toMatchObject({ code: 1000, cause: 'asked' });
  uncaught.mockRestore();
  expect(await read).toEqual(['open', 'closing', 'closed']);
  expect(thrown).toEqual([new Error('a fault of the signal')]);
});

test('frames that only look like ours, and notices without their fields, harm nothing', async () => {
  await using gateway = await fakeGateway({
    onCall({ send }) {
      send({ type: 'client.line', itemId: 'item_1', state: 'delivered' });
      send({ type: 'client.state', state: 'closed' });
      send({ type: 'error' });
      send({ type: 'conversation.item.added' });
      send({ type: 'greenroom.notice', code: 'server_shutdown', message: 7, retry_ms: 'soon' });
    },
  });
  const connection = connect({ url: gateway.url, onShutdown: 'wait', reconnect: { firstMs: 1 } });
  const events: unknown[] = [];
  connection.on('event', ({ type }) => events.push(type));
  const faults: string[] = [];
  connection.on('client.fault', ({ message }) => faults.push(message));
  await until(() => gateway.calls.length > 0 && events.includes('greenroom.notice'), {
    ...soon,
    what: 'the notice',
  });
  expect(events.slice(0, 6)).toEqual([
    ...['client.state', 'client.fault', 'client.fault', 'error'],
    ...['conversation.item.added', 'greenroom.notice'],
  ]);
  expect(faults[0]).toMatch(/^the server sent an event that only the client tells: "\{\\"event_id/);
  gateway.calls[0]?.socket.close(1001);
  await until(() => gateway.calls.length === 2, { ...soon, what: 'the next connection' });
  await connection.close();
});
