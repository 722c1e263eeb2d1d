// Coming back over real sockets; the states themselves are in life.test.ts, random faults in test/sim/client.
import { describe, expect, test } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { type ConnectOptions, connect, type RealtimeConnection } from '../../../src/client/index.ts';
import { until } from '../../support/poll.ts';
import { type FakeBehaviour, type FakeCall, fakeGateway } from './fake-gateway.ts';

const soon = { timeoutMs: 3000 };
const reconnect = { firstMs: 20, maxMs: 40 };
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

const goodbye = (call: FakeCall, retryMs: number | null) => {
  const message = 'the gateway is leaving';
  call.send({ type: 'greenroom.notice', code: 'server_shutdown', message, retry_ms: retryMs });
};

const typesOf = (call: FakeCall | undefined) => call?.received.map(({ type }) => type);

describe.each(sockets)('over %s', (_name, socket) => {
  test('a connection that is cut comes back; one reader has the events of both sessions', async () => {
    await using gateway = await fakeGateway({
      ...shows,
      onCall: (call) =>
        call.send({ type: 'session.created', session: { id: `sess_${gateway.calls.length}` } }),
    });
    await using connection = connect({ url: gateway.url, reconnect, ...socket });
    const seen: string[] = [];
    connection.on('event', (event) => {
      if (event.type === 'client.state') seen.push(`${event.before} → ${event.state}`);
      if (event.type === 'client.line') seen.push(`line ${event.state}`);
      if (event.type === 'session.created') seen.push(event.session.id);
    });
    await until(() => seen.includes('sess_0'), { ...soon, what: 'the first session' });
    gateway.calls[0]?.socket.terminate();
    await until(() => connection.state === 'reconnecting', { ...soon, what: 'the outage' });
    expect(connection.say('typed meanwhile')).toMatchObject({ state: 'kept' });
    await until(() => seen.includes('line delivered'), { ...soon, what: 'the line' });
    expect(seen).toEqual([
      ...['connecting → open', 'sess_0', 'open → reconnecting'],
      ...['reconnecting → open', 'sess_1', 'line delivered'],
    ]);
    expect(typesOf(gateway.calls[1])).toEqual(['conversation.item.create', 'response.create']);
  });

  test('a burst of lines is told line by line, and what is kept bounds only what cannot be sent', async () => {
    await using gateway = await fakeGateway(shows);
    const keep = { lines: 0, audioBytes: 0, audioMs: 0 };
    await using connection = connect({ url: gateway.url, keep, reconnect: { firstMs: 60_000 }, ...socket });
    const told: string[] = [];
    connection.on('client.line', ({ itemId, state }) => told.push(`${state} ${itemId}`));
    await connection.opened;
    const said = Array.from({ length: 300 }, (_, index) => connection.say(`line ${index}`));
    expect(connection.append(new Int16Array(480))).toBe('sent');
    await until(() => told.length === 300, { ...soon, what: 'all lines' });
    expect(told).toEqual(said.map(({ itemId }) => `delivered ${itemId}`));
    const dropped = new Promise((resolve) => connection.on('client.audio_dropped', resolve));
    gateway.calls[0]?.socket.terminate();
    await until(() => connection.state === 'reconnecting', { ...soon, what: 'the outage' });
    expect(connection.say('no room')).toMatchObject({ state: 'refused' });
    connection.append(new Int16Array(480));
    expect(await dropped).toMatchObject({ why: 'bytes', bytes: 960 });
    expect(connection.kept).toEqual({ audioMs: 0, lines: 0 });
  });

  test('a notice of shutdown ends it: nothing more is sent, the close of the gateway is waited for', async () => {
    await using gateway = await fakeGateway({ onCall: (call) => goodbye(call, null) });
    const connection = connect({ url: gateway.url, reconnect, ...socket });
    await until(() => connection.state === 'closing', { ...soon, what: 'the notice' });
    expect(connection.append(new Int16Array(480))).toBe('ended');
    expect(() => connection.commit()).toThrow('the connection is closing');
    gateway.calls[0]?.socket.close(1001, 'server_shutdown');
    expect(await connection.closed).toEqual({
      ...{ code: 1001, reason: 'server_shutdown', wasClean: true, cause: 'shutdown' },
    });
    expect(gateway.calls).toHaveLength(1);
  });

  test('or the next gateway is waited for, not before this one said', async () => {
    await using gateway = await fakeGateway({
      onCall(call) {
        if (gateway.calls.length > 0) return;
        goodbye(call, 200);
        call.socket.close(1001);
      },
    });
    await using connection = connect({ url: gateway.url, reconnect, onShutdown: 'wait', ...socket });
    let lostMs = 0;
    connection.on('client.state', ({ state }) => {
      if (state === 'reconnecting') lostMs = performance.now();
    });
    await until(() => gateway.calls.length === 2, { ...soon, what: 'the next' });
    expect(performance.now() - lostMs).toBeGreaterThan(190);
  });

  test('what is said after a goodbye is for the next gateway, even when this one does not go', async () => {
    await using gateway = await fakeGateway({
      ...shows,
      onCall(call) {
        if (gateway.calls.length === 0) goodbye(call, null);
      },
    });
    await using connection = connect({ url: gateway.url, reconnect, onShutdown: 'wait', ...socket });
    const said = Promise.withResolvers<string>();
    connection.on('greenroom.notice', () => said.resolve(connection.say('for the next').state));
    expect(await said.promise).toBe('kept');
    expect(connection.append(new Int16Array(480))).toBe('kept');
    connection.configure({ instructions: 'Be brief.' });
    expect(() => connection.commit()).toThrow('the gateway is leaving; wait for `client.state`');
    await until(() => typesOf(gateway.calls[1])?.length === 4, { ...soon, what: 'the next' });
    expect(typesOf(gateway.calls[0])).toEqual([]);
    expect(typesOf(gateway.calls[1])).toEqual([
      ...['session.update', 'conversation.item.create'],
      ...['input_audio_buffer.append', 'response.create'],
    ]);
    // The one before was let go of.
    await gateway.calls[0]?.closed;
  });

  const moments = {
    notice: (call: FakeCall) => goodbye(call, null),
    lost: (call: FakeCall) => call.socket.terminate(),
    left: (call: FakeCall) => call.socket.close(1001, 'server_shutdown'),
    close: (_call: FakeCall, connection: RealtimeConnection) => void connection.close(),
  };
  type Moment = keyof typeof moments;
  test.each<Moment[][]>([
    [['notice', 'lost', 'close']],
    [['notice', 'close', 'lost']],
    [['lost', 'close', 'notice']],
    [['close', 'notice', 'lost']],
    [['close', 'lost']],
    [['notice', 'left', 'close']],
    [['close', 'notice', 'left']],
    [['left', 'close']],
  ])('a notice, a close and a loss at the same moment end it once: %j', async (order) => {
    for (const onShutdown of ['end', 'wait'] as const) {
      await using gateway = await fakeGateway(shows);
      const connection = connect({ url: gateway.url, reconnect, onShutdown, ...socket });
      const states: string[] = [];
      const fates: string[] = [];
      connection.on('client.state', ({ state }) => states.push(state));
      connection.on('client.line', ({ state }) => fates.push(state));
      await connection.opened;
      await until(() => gateway.calls.length === 1, { ...soon, what: 'the call' });
      const [call] = gateway.calls;
      connection.say('Hello.');
      for (const moment of order) if (call) moments[moment](call, connection);
      const end = await connection.closed;
      expect(['asked', 'shutdown']).toContain(end.cause);
      expect(states.filter((state) => state === 'closed')).toHaveLength(1);
      expect(states.at(-1)).toBe('closed');
      expect(fates).toHaveLength(1);
      expect(connection.append(new Int16Array(480))).toBe('ended');
      expect(gateway.calls).toHaveLength(1);
    }
  });

  test('a signal closes it, whatever it is doing', async () => {
    await using gateway = await fakeGateway();
    const controller = new AbortController();
    const open = connect({ url: gateway.url, signal: controller.signal, ...socket });
    await open.opened;
    await using deaf = await fakeGateway({ refusal: 'never' });
    const connecting = connect({ url: deaf.url, signal: controller.signal, ...socket });
    controller.abort();
    expect(await open.closed).toMatchObject({ code: 1000, cause: 'asked' });
    expect(await connecting.closed).toMatchObject({ cause: 'asked' });
    const late = connect({ url: gateway.url, signal: controller.signal, ...socket });
    await expect(late.opened).rejects.toMatchObject({ code: 'cancelled' });
    expect(gateway.calls).toHaveLength(1);
  });

  test('a refusal while it comes back is the end, with its reason', async () => {
    const message = 'no pipeline or alias is called "gone"';
    await using gateway = await fakeGateway({
      onRequest: () => ({ status: 404, body: { error: { code: 'model_not_found', message } } }),
    });
    const connection = connect({ url: gateway.url, reconnect: { ...reconnect, attempts: 9 }, ...socket });
    await connection.opened;
    gateway.refuse({ status: 404, body: { error: { code: 'model_not_found', message } } });
    gateway.calls[0]?.socket.terminate();
    expect(await connection.closed).toMatchObject({ code: 1006, cause: 'refused', reason: message });
  });
});
