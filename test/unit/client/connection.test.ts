import { describe, expect, test, vi } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import {
  type ConnectionEvent,
  type ConnectOptions,
  connect,
  decodeAudio,
  GreenroomError,
} from '../../../src/client/index.ts';
import { until } from '../../support/poll.ts';
import { type FakeBehaviour, fakeGateway, nobodysUrl } from './fake-gateway.ts';

const session = { type: 'session.created', session: { id: 'sess_1' } };
const greeting: FakeBehaviour = { onCall: (call) => call.send(session) };
const soon = { timeoutMs: 3000 };

/** Both implementations that the client has to work with: Node's own, as in a browser, and `ws`. */
const sockets: [string, Partial<ConnectOptions>][] = [
  ['the global WebSocket', {}],
  ['ws', { WebSocket: WsWebSocket }],
];

describe.each(sockets)('a connection over %s', (_name, socket) => {
  test('tells every event to its listeners and iterators, in order, and ends both at close', async () => {
    await using gateway = await fakeGateway({
      onCall(call) {
        call.send(session);
        for (const text of ['a', 'b', 'c']) call.send({ type: 'response.output_text.delta', delta: text });
      },
    });
    const connection = connect({ url: gateway.url, ...socket });
    const heard: string[] = [];
    const all: string[] = [];
    connection.on('response.output_text.delta', ({ delta }) => heard.push(delta));
    connection.on('event', ({ type }) => all.push(type));
    const read = (async () => {
      const types: string[] = [];
      for await (const { type } of connection) types.push(type);
      return types;
    })();
    await until(() => heard.length === 3, { ...soon, what: 'three deltas' });
    await connection.close();
    expect(heard).toEqual(['a', 'b', 'c']);
    const states = ['client.state', 'client.state', 'client.state'];
    expect(all).toEqual([
      ...[states[0], 'session.created'],
      ...Array(3).fill('response.output_text.delta'),
      ...states.slice(1),
    ]);
    expect(await read).toEqual(all);
  });

  test('whoever listens right after `opened` misses nothing', async () => {
    await using gateway = await fakeGateway(greeting);
    await using connection = connect({ url: gateway.url, ...socket });
    await connection.opened;
    const reader = connection[Symbol.asyncIterator]();
    expect((await reader.next()).value).toMatchObject({ type: 'client.state', state: 'open' });
    expect((await reader.next()).value).toMatchObject({ type: 'session.created', session: { id: 'sess_1' } });
  });

  test('a client that closes is told 1000, a clean end, and so is the server', async () => {
    await using gateway = await fakeGateway(greeting);
    const connection = connect({ url: gateway.url, ...socket });
    await connection.opened;
    expect(connection.state).toBe('open');
    const closing = connection.close();
    expect(connection.state).toBe('closing');
    expect(connection.close()).toBe(closing);
    expect(await closing).toEqual({ code: 1000, reason: '', wasClean: true, cause: 'asked' });
    expect(connection.state).toBe('closed');
    expect(await gateway.calls[0]?.closed).toEqual({ code: 1000, reason: '' });
  });

  test.each([
    [1000, 'finished', 'finished'],
    [1001, 'the gateway is leaving', 'shutdown'],
    [1008, 'not allowed', 'refused'],
    [1011, 'a fault of ours', 'lost'],
    [4410, 'engine voice failed', 'refused'],
  ])('a server that closes with %i is reported with its reason', async (code, reason, cause) => {
    await using gateway = await fakeGateway({ onCall: (call) => call.socket.close(code, reason) });
    const connection = connect({ url: gateway.url, reconnect: false, ...socket });
    await connection.opened;
    expect(await connection.closed).toEqual({ code, reason, wasClean: true, cause });
    expect(() => connection.commit()).toThrow(
      `cannot send input_audio_buffer.commit: the connection is closed (${code} ${reason})`,
    );
    // What comes from a person or a microphone may come at any time: no exception.
    expect(connection.append(new Int16Array(10))).toBe('ended');
    expect(connection.say('Hello?')).toMatchObject({ state: 'refused' });
  });

  test('a connection that is cut is 1006 and unclean', async () => {
    await using gateway = await fakeGateway({ onCall: (call) => call.socket.terminate() });
    const connection = connect({ url: gateway.url, reconnect: false, ...socket });
    await connection.opened;
    expect(await connection.closed).toMatchObject({ code: 1006, wasClean: false, cause: 'lost' });
  });

  test('frames that are no events are told as faults, and the connection goes on', async () => {
    await using gateway = await fakeGateway({
      onCall({ socket, send }) {
        for (const frame of ['not json', '[1]', 'null', '{"type":7}', Buffer.from([1, 2])])
          socket.send(frame);
        send({ type: 'of.a.later.version' });
        send(session);
      },
    });
    await using connection = connect({ url: gateway.url, ...socket });
    const events: ConnectionEvent[] = [];
    connection.on('event', (event) => event.type !== 'client.state' && events.push(event));
    await until(() => events.length === 7, { ...soon, what: 'seven events' });
    const faults = events.slice(0, 5).map((event) => (event.type === 'client.fault' ? event.message : event));
    expect(faults).toEqual([
      'the server sent a frame that is not JSON: "not json"',
      'the server sent a frame that is no event (an object with a type): "[1]"',
      'the server sent a frame that is no event (an object with a type): "null"',
      'the server sent a frame that is no event (an object with a type): "{\\"type\\":7}"',
      'the server sent a binary frame; the Realtime wire has none',
    ]);
    expect(events.slice(5).map(({ type }) => type)).toEqual(['of.a.later.version', 'session.created']);
  });

  test('an upgrade that is refused rejects `opened` with the code and message of the refusal', async () => {
    const message = 'no pipeline or alias is called "nope"';
    const error = {
      code: 'model_not_found',
      message,
      type: 'not_found_error',
      details: { models: ['default'] },
    };
    await using gateway = await fakeGateway({ refusal: { status: 404, body: { error } } });
    const connection = connect({ url: gateway.url, model: 'nope', ...socket });
    const thrown = await connection.opened.catch((reason: unknown) => reason);
    expect(thrown).toBeInstanceOf(GreenroomError);
    expect(thrown).toMatchObject({
      code: 'model_not_found',
      message,
      details: { status: 404, models: ['default'] },
    });
    expect(await connection.closed).toMatchObject({ code: 1006, wasClean: false });
  });

  test("a stranger's refusal is told with its status and text, and without the token", async () => {
    await using gateway = await fakeGateway({ refusal: { status: 502, body: 'bad gateway' } });
    const connection = connect({ url: `${gateway.url}/?token=secret`, ...socket });
    await expect(connection.opened).rejects.toThrow(
      /^ws:\/\/127\.0\.0\.1:\d+\/v1\/realtime\?token=…&notices=1 refused the connection with HTTP 502: "?bad gateway"?$/,
    );
  });

  test('nobody at the address rejects `opened` with gateway_unreachable, and nothing is left', async () => {
    const connection = connect({ url: await nobodysUrl(), ...socket });
    await expect(connection.opened).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: expect.stringContaining('connection refused (ECONNREFUSED)'),
    });
    expect(connection.state).toBe('closed');
  });

  test('a gateway that never answers the upgrade is given up after its time', async () => {
    await using gateway = await fakeGateway({ refusal: 'never' });
    const connection = connect({ url: gateway.url, openTimeoutMs: 50, closeGraceMs: 50, ...socket });
    await expect(connection.opened).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(await connection.closed).toMatchObject({ code: 1006, wasClean: false });
  });

  test('closing while it connects rejects `opened` with cancelled', async () => {
    await using gateway = await fakeGateway({ refusal: 'never' });
    const connection = connect({ url: gateway.url, ...socket });
    const opened = connection.opened.catch((reason: unknown) => reason);
    await connection.close();
    expect(await opened).toMatchObject({ code: 'cancelled' });
  });

  test('a server that never answers the close holds it no longer than the grace', async () => {
    await using gateway = await fakeGateway({
      onCall({ socket }) {
        // It reads no more: the close frame is never seen.
        socket.pause();
      },
    });
    const connection = connect({ url: gateway.url, closeGraceMs: 50, ...socket });
    await connection.opened;
    expect(await connection.close()).toMatchObject({
      code: 1006,
      reason: 'the close was not answered within 50 ms',
      wasClean: false,
    });
  });

  test('it asks for notices, a model and carries the token as a subprotocol that is not echoed', async () => {
    await using gateway = await fakeGateway(greeting);
    await using connection = connect({
      url: `${gateway.url}/v1`,
      model: 'a b',
      token: 'gr-1.2_3',
      ...socket,
    });
    await connection.opened;
    const { url, headers } = gateway.calls[0]?.request ?? {};
    expect(url).toBe('/v1/realtime?model=a+b&notices=1');
    expect(headers?.['sec-websocket-protocol']?.replaceAll(' ', '')).toBe(
      'realtime,openai-insecure-api-key.gr-1.2_3',
    );
  });

  test('audio arrives as it was appended, in pieces that no limit minds', async () => {
    const pcm = Int16Array.from({ length: 300_000 }, (_, index) => (index * 31) % 65_536);
    await using gateway = await fakeGateway(greeting);
    await using connection = connect({ url: gateway.url, ...socket });
    await connection.opened;
    connection.append(pcm);
    expect(connection.commit()).toBe('client_1');
    const call = gateway.calls[0];
    await until(() => call?.received.at(-1)?.type === 'input_audio_buffer.commit', {
      ...soon,
      what: 'a commit',
    });
    const pieces = call?.received.slice(0, -1).map(({ audio }) => decodeAudio(audio as string)) ?? [];
    expect(pieces).toHaveLength(3);
    expect(pieces.flatMap((piece) => [...piece])).toEqual([...pcm]);
  });
});

describe('a connection', () => {
  test('keeps the last notice of the lobby', async () => {
    const engine = {
      name: 'voice',
      state: 'starting',
      rung: 'loaded',
      progress: 0.5,
      text: null,
      elapsed_ms: 7,
      eta_ms: null,
    };
    await using gateway = await fakeGateway({
      onCall: (call) => call.send({ type: 'greenroom.lobby', state: 'waiting', engines: [engine] }),
    });
    await using connection = connect({ url: gateway.url });
    expect(connection.lobby).toBeNull();
    await until(() => connection.lobby, { ...soon, what: 'a notice' });
    expect(connection.lobby).toMatchObject({ state: 'waiting', engines: [engine] });
  });

  test('an undone listener hears no more, and one that throws disturbs no other', async () => {
    const thrown: unknown[] = [];
    const uncaught = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => {
      try {
        callback();
      } catch (error) {
        thrown.push(error);
      }
    });
    await using gateway = await fakeGateway(greeting);
    await using connection = connect({ url: gateway.url });
    const heard: string[] = [];
    connection.on('session.created', () => {
      throw new Error('a fault of the page');
    });
    connection.on('session.created', () => heard.push('undone'))();
    connection.on('session.created', () => heard.push('last'));
    await until(() => heard.length > 0, { ...soon, what: 'the listener' });
    uncaught.mockRestore();
    expect(heard).toEqual(['last']);
    expect(thrown).toEqual([new Error('a fault of the page')]);
  });

  test('what cannot be sent is refused in words', async () => {
    await using gateway = await fakeGateway(greeting);
    await using connection = connect({ url: gateway.url });
    expect(() => connection.commit()).toThrow('still connecting; await `opened`');
    await connection.opened;
    expect(() => connection.close(1001)).toThrow('code: expected 1000 or 3000 to 4999, got 1001');
  });

  test('a gateway that answers over HTTP but opens no WebSocket is told apart from none', async () => {
    await using gateway = await fakeGateway({
      refusal: { status: 400, body: {} },
      onRequest: () => ({ status: 426, body: {} }),
    });
    await expect(connect({ url: gateway.url }).opened).rejects.toThrow(
      'answers over HTTP, but the WebSocket did not open',
    );
  });

  test('nothing is ever an unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listen);
    const { closed } = connect({ url: await nobodysUrl() });
    await closed;
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });
});
