// Coming back to the same session, with a gateway that has it and one that has not.
import { describe, expect, test } from 'vitest';
import { type ConnectOptions, connect, type RealtimeConnection } from '../../../src/client/index.ts';
import { startGateway } from '../../../src/testing/index.ts';
import { until } from '../../support/poll.ts';
import { type FakeCall, fakeGateway } from './fake-gateway.ts';

const soon = { timeoutMs: 5000 };
const reconnect = { firstMs: 20, maxMs: 40 };

interface Known {
  readonly sessionId: string;
  readonly items: { id: string }[];
}

/** Has one session, which is told again to whoever asks for its conversation; or forgets it each time. */
function resuming(memory: 'keeps' | 'forgets') {
  const known: Known[] = [];
  return fakeGateway({
    onCall(call) {
      const asked = new URL(call.request.url ?? '', 'http://x').searchParams.get('conversation_id');
      const before = known.findIndex((_, index) => asked === `conv_${index}`);
      const index = memory === 'keeps' && before !== -1 ? before : known.length;
      const session = known[index] ?? { sessionId: `sess_${index}`, items: [] };
      known[index] = session;
      if (asked !== null && index !== before) {
        const error = { type: 'invalid_request_error', code: 'conversation_expired', message: 'gone' };
        call.send({ type: 'error', error: { ...error, param: null, event_id: null } });
      }
      call.send({ type: 'session.created', session: { id: session.sessionId } });
      call.send({ type: 'conversation.created', conversation: { id: `conv_${index}` } });
      for (const item of session.items) call.send({ type: 'conversation.item.added', item });
    },
    onEvent(event, call) {
      if (event.type === 'session.update') call.send({ type: 'session.updated', session: event['session'] });
      if (event.type !== 'conversation.item.create') return;
      const item = event['item'] as { id: string };
      known.at(-1)?.items.push(item);
      if (!lines.get(call)?.deaf) call.send({ type: 'conversation.item.added', item });
    },
  });
}

/** Calls that are cut before they show what they were sent. */
const lines = new WeakMap<FakeCall, { readonly deaf: boolean }>();

function watched(connection: RealtimeConnection): string[] {
  const seen: string[] = [];
  connection.on('event', (event) => {
    if (event.type === 'client.state') seen.push(`${event.state} ${event.conversation ?? ''}`.trim());
    else if (event.type === 'client.line') seen.push(`line ${event.state}`);
    else if (event.type === 'session.created') seen.push(event.session.id);
    else if (event.type === 'error') seen.push(event.error.code);
  });
  return seen;
}

const typesOf = (call: FakeCall | undefined) => call?.received.map(({ type }) => type);

async function cut(calls: readonly FakeCall[], seen: readonly string[]) {
  await until(() => seen.includes('line delivered'), { ...soon, what: 'the line' });
  calls.at(-1)?.socket.terminate();
  await until(() => seen.filter((word) => word.startsWith('open')).length === 2, {
    ...soon,
    what: 'the next',
  });
}

const options: Partial<ConnectOptions> = { reconnect, resume: true };

describe('a connection that is to be resumed', () => {
  test('asks for it from the beginning, and comes back to its conversation', async () => {
    await using gateway = await resuming('keeps');
    await using connection = connect({ url: gateway.url, ...options });
    const seen = watched(connection);
    connection.configure({ instructions: 'Be brief.' });
    await connection.opened;
    connection.say('Hello.');
    await cut(gateway.calls, seen);
    expect(gateway.calls[0]?.received.slice(0, 2)).toMatchObject([
      { type: 'session.update', session: { resumption: { enabled: true } } },
      { type: 'session.update', session: { instructions: 'Be brief.' } },
    ]);
    expect(gateway.calls[1]?.request.url).toContain('conversation_id=conv_0');
    expect(seen).toEqual([
      ...['open new', 'sess_0', 'line delivered'],
      ...['reconnecting', 'open resumed', 'sess_0'],
    ]);
    // Nothing is asked of it twice: it has all of it.
    expect(typesOf(gateway.calls[1])).toEqual(['session.update']);
  });

  test('is told when it has expired, and tells the new session what was agreed', async () => {
    await using gateway = await resuming('forgets');
    await using connection = connect({ url: gateway.url, ...options });
    const seen = watched(connection);
    connection.configure({ instructions: 'Be brief.' });
    await connection.opened;
    connection.say('Hello.');
    await cut(gateway.calls, seen);
    expect(seen).toEqual([
      ...['open new', 'sess_0', 'line delivered', 'reconnecting'],
      ...['open new', 'conversation_expired', 'sess_1'],
    ]);
    await until(() => typesOf(gateway.calls[1])?.length === 2, { ...soon, what: 'what was agreed' });
    expect(gateway.calls[1]?.received[1]).toMatchObject({
      session: { instructions: 'Be brief.', resumption: { enabled: true } },
    });
    // And comes back to the new one the next time.
    gateway.calls[1]?.socket.terminate();
    await until(() => gateway.calls.length === 3, { ...soon, what: 'the next call' });
    expect(gateway.calls[2]?.request.url).toContain('conversation_id=conv_1');
  });

  test('a line that the gateway has is not sent again, and not asked about again', async () => {
    await using gateway = await resuming('keeps');
    await using connection = connect({ url: gateway.url, ...options });
    const seen = watched(connection);
    await connection.opened;
    await until(() => gateway.calls.length === 1, { ...soon, what: 'the call' });
    const [call] = gateway.calls;
    if (call) lines.set(call, { deaf: true });
    connection.say('Hello.');
    await until(() => typesOf(call)?.includes('response.create'), { ...soon, what: 'the line to be sent' });
    call?.socket.terminate();
    await until(() => seen.includes('open resumed'), { ...soon, what: 'the conversation' });
    expect(seen.slice(-3)).toEqual(['line delivered', 'open resumed', 'sess_0']);
    connection.say('Still there?');
    await until(() => seen.filter((word) => word === 'line delivered').length === 2, {
      ...soon,
      what: 'the next',
    });
    expect(typesOf(gateway.calls[1])).toEqual([
      ...['session.update', 'conversation.item.create', 'response.create'],
    ]);
  });

  test('a gateway that ends while it is asked is asked again', async () => {
    let calls = 0;
    await using gateway = await fakeGateway({
      onCall(call) {
        calls += 1;
        if (calls === 2) return call.socket.terminate();
        call.send({ type: 'session.created', session: { id: 'sess_0' } });
        call.send({ type: 'conversation.created', conversation: { id: 'conv_0' } });
      },
      onEvent: ({ type, session }, call) => {
        if (type === 'session.update') call.send({ type: 'session.updated', session });
      },
    });
    await using connection = connect({ url: gateway.url, ...options });
    const seen = watched(connection);
    await connection.opened;
    await until(() => seen.includes('sess_0'), { ...soon, what: 'the session' });
    gateway.calls[0]?.socket.terminate();
    await until(() => seen.includes('open resumed'), { ...soon, what: 'the conversation' });
    expect(seen).toEqual([
      ...['open new', 'sess_0', 'reconnecting', 'reconnecting', 'open resumed', 'sess_0'],
    ]);
  });
});

test('with a real gateway: the same session, each item told once more, and an answer after it', async () => {
  await using gateway = await startGateway();
  const { WebSocket } = await import('ws');
  const sockets: InstanceType<typeof WebSocket>[] = [];
  class Cuttable extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  await using connection = connect({ url: gateway.url, ...options, WebSocket: Cuttable });
  const seen = watched(connection);
  const done: string[] = [];
  connection.on('response.done', ({ response }) => done.push(response.status));
  await connection.opened;
  connection.say('Hello.');
  await until(() => done.length === 1, { timeoutMs: 20_000, what: 'the answer' });
  sockets[0]?.terminate();
  await until(() => seen.includes('open resumed'), { ...soon, what: 'the conversation' });
  expect(new Set(seen.filter((word) => word.startsWith('sess_'))).size).toBe(1);
  connection.say('And again.');
  await until(() => done.length === 2, { timeoutMs: 20_000, what: 'the next answer' });
  expect(gateway.gateway.sessions()).toMatchObject([{ items: 4 }]);
});
