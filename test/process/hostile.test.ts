// What no friendly client does: an answer with a code where the protocol allows one, the connection lives where it can,
// the process always does, and who calls meanwhile notices nothing.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { paced, until } from '../support/poll.ts';
import { RawSocket } from '../support/raw-socket.ts';

const config = {
  engines: { voice: { worker: fixture('gateway/tone.mjs') }, activity: { builtin: 'silero' } },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};
const handshake =
  'GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A masked frame of the client's (RFC 6455, 5.2). */
function frame(opcode: number, payload: Buffer, { final = true, announced = payload.length } = {}): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(announced), 2);
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

async function echoes(url: string): Promise<void> {
  await using caller = await Caller.call(url);
  caller.say('hi');
  await caller.event('response.done', ({ response }) => JSON.stringify(response).includes('completed'));
}

async function idle(port: number, count: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  const settled: Promise<unknown>[] = [];
  for (let number = 0; number < count; number += 1) {
    // Read, so that its end is seen.
    const socket = connect(port, '127.0.0.1').resume();
    sockets.push(socket);
    settled.push(
      new Promise((resolve) => {
        socket.once('connect', resolve);
        socket.on('error', resolve);
      }),
    );
    if (settled.length >= 200) await Promise.all(settled.splice(0));
  }
  await Promise.all(settled);
  return sockets;
}

test('10,000 connections that say nothing: callers get in all the same, and the silent are shown out', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const url = await gateway.url();
  const sockets = await idle(Number(new URL(url).port), 10_000);
  try {
    for (let round = 0; round < 5; round += 1) await echoes(url);
    // Nobody holds a place for ever by saying nothing.
    await until(() => sockets.every(({ closed }) => closed), { timeoutMs: 25_000, what: 'the silent to go' });
    await echoes(url);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  const askedMs = performance.now();
  gateway.child.kill('SIGTERM');
  expect(await gateway.end(askedMs)).toMatchObject({ code: 0 });
}, 60_000);

test('beyond the limit the one who has said nothing for the longest makes room; a full house is told', async () => {
  await using gateway = await GatewayProcess.start({ config: { ...config, limits: { connections: 20 } } });
  await gateway.event('ready');
  const url = await gateway.url();
  const silent = await idle(Number(new URL(url).port), 20);
  const callers: Caller[] = [];
  try {
    for (let number = 0; number < 20; number += 1) callers.push(await Caller.call(url));
    await until(() => silent.every(({ closed }) => closed), { timeoutMs: 5000, what: 'the silent to go' });
    await using late = await RawSocket.dial(url);
    late.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const { status, body } = await late.answer();
    expect({ status, code: JSON.parse(body).error.code }).toEqual({ status: 503, code: 'connections_full' });
    expect(callers.every(({ closed }) => closed === undefined)).toBe(true);
  } finally {
    for (const caller of callers) await caller[Symbol.asyncDispose]();
    for (const socket of silent) socket.destroy();
  }
});

test('what breaks the protocol ends that connection, with its own code', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const url = await gateway.url();
  const broken: readonly (readonly [name: string, sent: Buffer, code: number])[] = [
    ['invalid UTF-8', frame(1, Buffer.from([0x22, 0xff, 0xfe])), 1007],
    ['an oversize frame', frame(1, Buffer.from('{'), { announced: 64 * 1024 * 1024 }), 1009],
    ['a reserved opcode', frame(5, Buffer.from('x')), 1002],
    ['a continuation of nothing', frame(0, Buffer.from('x')), 1002],
    ['a control frame in pieces', frame(9, Buffer.from('x'), { final: false }), 1002],
  ];
  for (const [name, sent, code] of broken) {
    await using raw = await RawSocket.dial(url);
    raw.write(handshake);
    await until(() => raw.text.includes('session.created'), { timeoutMs: 5000, what: 'the session' });
    raw.socket.write(sent);
    // The close frame: 0x88, its length, the code.
    const close = Buffer.from([0x88]).toString('latin1');
    await until(() => raw.state === 'closed' || raw.text.includes(close), {
      timeoutMs: 5000,
      what: `the close frame for ${name}`,
    });
    const at = raw.text.lastIndexOf(close);
    expect(Buffer.from(raw.text.slice(at + 2, at + 4), 'latin1').readUInt16BE(), name).toBe(code);
  }
  await gateway.event('ready');
  await echoes(url);
});

test('half frames, half handshakes, resets at any byte, and random bytes hurt nobody else', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const url = await gateway.url();
  const port = Number(new URL(url).port);
  const hello = Buffer.concat([
    Buffer.from(handshake),
    frame(1, Buffer.from(JSON.stringify({ type: 'response.create' }))),
  ]);
  await using healthy = await Caller.call(url);
  for (let at = 1; at < hello.length; at += 3) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(hello.subarray(0, at), () => socket.resetAndDestroy());
  }
  for (let round = 0; round < 50; round += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(randomBytes(1 + (round % 7) * 300), () => socket.end());
  }
  healthy.say('still here');
  await healthy.event('response.done');
  await until(
    async () => {
      const { body } = await gateway.json('/api/sessions');
      return (body as { data: unknown[] }).data.length === 1;
    },
    { timeoutMs: 10_000, what: 'only the healthy caller to be left' },
  );
  expect(gateway.stderr).toBe('');
});

test('whatever a frame holds is refused by name, and the conversation goes on', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const frames: readonly (string | Buffer)[] = [
    'not json',
    '{"type":',
    '[]',
    'null',
    '{}',
    '{"type":"no.such.event"}',
    '{"type":["session.update"]}',
    '{"type":"session.update","session":7}',
    `{"type":"session.update","session":{"tools":${deep}}}`,
    `{"type":"session.update","__proto__":{"polluted":1}}`,
    '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":"text"}}',
    `{"type":"session.update","session":{"instructions":"${'x'.repeat(2_000_000)}"}}`,
    Buffer.from('binary'),
  ];
  for (const [index, sent] of frames.entries()) {
    caller.socket.send(sent);
    await until(() => caller.all('error').length > index, { timeoutMs: 5000, what: `error ${index}` });
  }
  for (const { error } of caller.all('error')) expect(error).toMatchObject({ code: expect.any(String) });
  caller.say('and on');
  await caller.event('response.done');
  expect(caller.closed).toBeUndefined();
});

test('slow heads and slow bodies are cut with 408, one by one', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const url = await gateway.url();
  await using head = await RawSocket.dial(url);
  head.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n');
  for await (const _ of paced(500)) {
    if (head.state === 'closed' || head.text !== '') break;
    head.socket.write('X-Drip: 1\r\n');
  }
  expect((await head.answer()).status).toBe(408);
  await using body = await RawSocket.dial(url);
  body.write('POST /api/pipelines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{');
  expect((await body.answer()).status).toBe(405);
  await echoes(url);
}, 30_000);

test('a flood of tiny events from one caller leaves another one its answers', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const url = await gateway.url();
  await using flooder = await Caller.call(url);
  const tiny = JSON.stringify({ type: 'response.cancel' });
  for (let count = 0; count < 20_000; count += 1) flooder.socket.send(tiny);
  await using other = await Caller.call(url);
  const askedMs = performance.now();
  other.say('hello');
  await other.event('response.done');
  expect(performance.now() - askedMs).toBeLessThan(5000);
  await until(() => flooder.all('error').length === 20_000, { timeoutMs: 20_000, what: 'every answer' });
  expect(flooder.socket.readyState).toBe(WebSocket.OPEN);
}, 40_000);
