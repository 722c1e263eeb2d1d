// What a gateway does not take is answered by the one error body, whoever notices it: Node, the door, the routes or
// the WebSocket server. Over raw sockets, since no client sends such things.
import { expect, test } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.ts';
import { RawSocket } from '../support/raw-socket.ts';

const host = 'Host: localhost\r\n';
const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const version = 'Sec-WebSocket-Version: 13\r\n';
const wrongVersion = 'Sec-WebSocket-Version: 12\r\n';
const get = (target: string, ...headers: string[]) => `GET ${target} HTTP/1.1\r\n${headers.join('')}\r\n`;
const post = (path: string, ...headers: string[]) => `POST ${path} HTTP/1.1\r\n${headers.join('')}\r\n`;
const realtime = (...headers: string[]) => get('/v1/realtime', host, ...headers);

interface Refused {
  readonly name: string;
  readonly says: string;
  readonly status: number;
  readonly code: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const needsUpgrade = { status: 426, code: 'upgrade_required', headers: { upgrade: 'websocket' } };
const needsVersion = { ...needsUpgrade, headers: { 'sec-websocket-version': '13' } };
const invalid = { status: 400, code: 'invalid_request' };
const onlyPost = { status: 405, code: 'method_not_allowed', headers: { allow: 'POST' } };
const onlyGet = { status: 405, code: 'method_not_allowed', headers: { allow: 'GET' } };

const table: readonly Refused[] = [
  { name: 'no Host', says: get('/healthz'), ...invalid },
  { name: 'no Host in HTTP/1.0', says: 'GET /healthz HTTP/1.0\r\n\r\n', ...invalid },
  { name: 'two Hosts', says: get('/healthz', host, host), ...invalid },
  { name: 'an empty Host', says: get('/healthz', 'Host:\r\n'), ...invalid },
  { name: 'a Host with a path', says: get('/healthz', 'Host: localhost/x\r\n'), ...invalid },
  { name: 'a Host with a space', says: get('/healthz', 'Host: a b\r\n'), ...invalid },
  { name: 'a Host that the router does not take', says: get('/healthz', 'Host: 127.1:99\r\n'), ...invalid },
  { name: 'OPTIONS *', says: `OPTIONS * HTTP/1.1\r\n${host}\r\n`, ...invalid },
  { name: 'a target of another scheme', says: get('ftp://localhost/healthz', host), ...invalid },
  { name: 'a target that is no URL', says: get('http://[', host), ...invalid },
  { name: 'a target with a backslash', says: get('/a\\b', host), ...invalid },
  { name: 'a target without a slash', says: get('healthz', host), ...invalid },
  { name: 'an unknown path', says: get('//x/healthz', host), status: 404, code: 'not_found' },
  { name: 'a method the path does not take', says: post('/healthz', host), ...onlyGet },
  { name: 'a method of WebDAV', says: `PROPFIND /healthz HTTP/1.1\r\n${host}\r\n`, ...onlyGet },
  { name: 'an unknown method', says: `BREW /healthz HTTP/1.1\r\n${host}\r\n`, ...invalid },
  { name: 'a broken header', says: get('/healthz', host, 'Bad Header: x\r\n'), ...invalid },
  { name: 'TLS', says: '\x16\x03\x01\x02\x00\x01\x00', ...invalid },
  {
    name: 'headers over the limit',
    says: get('/healthz', host, `X: ${'y'.repeat(20_000)}\r\n`),
    status: 431,
    code: 'headers_too_large',
  },
  {
    name: 'a body over the limit',
    says: `${post('/api/shutdown', host, 'Content-Length: 1048577\r\n')}${'y'.repeat(70_000)}`,
    status: 413,
    code: 'body_too_large',
  },
  {
    name: 'a body over the limit that waits to be asked for',
    says: post('/api/shutdown', host, 'Content-Length: 1048577\r\nExpect: 100-continue\r\n'),
    status: 413,
    code: 'body_too_large',
    headers: { connection: 'close' },
  },
  {
    name: 'a body that waits to be asked for, where none is taken',
    says: post('/healthz', host, 'Content-Length: 3\r\nExpect: 100-continue\r\n'),
    ...onlyGet,
  },
  {
    name: 'another expectation',
    says: post('/healthz', host, 'Content-Length: 3\r\nExpect: 200-maybe\r\n'),
    status: 417,
    code: 'expectation_failed',
  },
  {
    name: 'CONNECT',
    says: `CONNECT localhost:80 HTTP/1.1\r\n${host}\r\n`,
    status: 405,
    code: 'method_not_allowed',
    headers: { allow: 'GET, HEAD, POST' },
  },
  { name: 'a plain GET of the WebSocket path', says: realtime(), ...needsUpgrade },
  { name: 'an upgrade without its Connection header', says: realtime(key, version), ...needsUpgrade },
  { name: 'an upgrade without Host', says: get('/v1/realtime', upgrade, key, version), ...invalid },
  {
    name: 'an upgrade to an unparsable target',
    says: get('//', host, upgrade, key, version),
    status: 404,
    code: 'not_found',
  },
  {
    name: 'an upgrade whose path only looks right',
    says: get('//x/v1/realtime', host, upgrade, key, version),
    status: 404,
    code: 'not_found',
  },
  {
    name: 'an upgrade of a path that engines answer over HTTP alone',
    says: get('/v1/chat/completions', host, upgrade, key, version),
    status: 404,
    code: 'not_found',
  },
  {
    name: 'an upgrade of an engine that nobody knows',
    says: get('/engines/nobody/ws', host, upgrade, key, version),
    status: 404,
    code: 'not_found',
  },
  { name: 'a chat without a body', says: post('/v1/chat/completions', host), ...invalid },
  {
    name: 'a chat of more than a chat may have',
    says: post('/v1/chat/completions', host, 'Content-Length: 26214401\r\n'),
    status: 413,
    code: 'body_too_large',
  },
  { name: 'a method that a chat does not take', says: get('/v1/chat/completions', host), ...onlyPost },
  {
    name: 'a form without a boundary',
    says: `${post('/v1/audio/transcriptions', host, 'Content-Length: 2\r\n')}{}`,
    ...invalid,
  },
  { name: 'an upgrade without key', says: realtime(upgrade, version), ...invalid },
  {
    name: 'an upgrade with a bad key',
    says: realtime(upgrade, version, 'Sec-WebSocket-Key: nope\r\n'),
    ...invalid,
  },
  { name: 'an upgrade to another version', says: realtime(upgrade, key, wrongVersion), ...needsVersion },
  { name: 'an upgrade to no version', says: realtime(upgrade, key), ...needsVersion },
  {
    name: 'an upgrade with broken subprotocols',
    says: realtime(upgrade, key, version, 'Sec-WebSocket-Protocol: a,,b\r\n'),
    ...invalid,
  },
  {
    name: 'an upgrade by POST',
    says: post('/v1/realtime', host, upgrade, key, version),
    ...onlyGet,
  },
];

test('every refusal has its status, its headers and the one error body', async () => {
  await using gateway = await GatewayProcess.start();
  const url = await gateway.url();
  for (const { name, says, status, code, headers = {} } of table) {
    await using raw = await RawSocket.dial(url);
    raw.write(says);
    const answer = await raw.answer();
    expect({ name, status: answer.status, headers: answer.headers }).toMatchObject({
      name,
      status,
      headers: { 'content-type': 'application/json', ...headers },
    });
    const body: unknown = JSON.parse(answer.body);
    const error = {
      code,
      message: expect.any(String),
      type: expect.any(String),
      details: expect.any(Object),
    };
    expect({ name, body }).toEqual({ name, body: { error } });
  }
  expect((await gateway.json('/healthz')).status).toBe(200);
  expect(gateway.stderr).toBe('');
});

test('what may look wrong and is right is answered: a whole URL as its target, an offer of h2c, a name as Host', async () => {
  await using gateway = await GatewayProcess.start();
  const url = await gateway.url();
  const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
  const right = [
    get('http://localhost/healthz', host),
    get('/healthz', host, h2c),
    get('/healthz', 'Host: gateway.localhost:7460\r\n'),
    get('/healthz', 'Host: [::1]:7460\r\n'),
  ];
  for (const says of right) {
    await using raw = await RawSocket.dial(url);
    raw.write(says);
    expect({ says, ...(await raw.answer()) }).toMatchObject({
      says,
      status: 200,
      body: '{"status":"alive"}',
    });
  }
});
