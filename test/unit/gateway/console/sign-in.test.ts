// Signing in to the console: an administrator's token for a cookie, and what that cookie is good for.
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { Secret } from '../../../../src/config/secrets.ts';
import type { Config } from '../../../../src/config/types.ts';
import { Access } from '../../../../src/gateway/access.ts';
import { ClientSecrets } from '../../../../src/gateway/client-secrets.ts';
import { cookieFor, cookieSeconds, tokenOfCookie } from '../../../../src/gateway/console/console-cookie.ts';
import { consoleRoutes } from '../../../../src/gateway/console/console-routes.ts';
import type { Answer, Route } from '../../../../src/gateway/route-table.ts';
import { GreenroomError } from '../../../../src/lifecycle/errors.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

const host = '127.0.0.1:7460';
const ours = { host, origin: `http://${host}` };

type Headers = Readonly<Record<string, string>>;

function gate(
  auth: { tokens?: string[]; admin?: string[] } = { tokens: ['call-me'], admin: ['rule-me', 'other-admin'] },
  tls = false,
) {
  const secrets = (values: string[] = []) => values.map((value) => new Secret(value, 'a test'));
  const config = {
    listen: { host: '127.0.0.1', port: 7460 },
    auth: { tokens: secrets(auth.tokens), admin: secrets(auth.admin), origins: [], grants: [] },
    tls: tls ? {} : null,
  };
  return new Access(config as unknown as Config, new ClientSecrets(new VirtualClock()));
}

async function ask(access: Access, method: string, headers: Headers, body?: unknown): Promise<Answer> {
  const table = consoleRoutes({ access, engines: { list: () => [] } });
  const route = table['/api/console/session']?.[method] as Route;
  return route.answer({
    method,
    header: (name) => headers[name],
    param: () => '',
    query: () => undefined,
    bytes: () => new ReadableStream(),
    json: async () => body,
  });
}

async function refusedWith(answer: Promise<unknown>): Promise<string> {
  const error: unknown = await answer.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof GreenroomError) return error.code;
  throw new Error(`it was not refused: ${String(error)}`);
}

async function cookieOf(access: Access, token = 'rule-me'): Promise<string> {
  const { headers } = await ask(access, 'POST', ours, { token });
  return headers?.['set-cookie']?.split(';')[0] ?? '';
}

const request = (headers: Headers, method = 'GET') =>
  ({ headers: { host, ...headers }, method, url: '/api/tree' }) as unknown as IncomingMessage;
const code = (refusal: { readonly code: string } | null) => refusal?.code ?? null;

test('a token becomes a cookie that no script can read and no other site can send', async () => {
  const { status, body, headers } = await ask(gate(), 'POST', ours, { token: 'rule-me' });
  expect([status, body]).toEqual([200, { state: 'signed_in', expires_in_s: cookieSeconds }]);
  expect(headers?.['set-cookie']).toMatch(
    /^greenroom_console=[\w.]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
  );
  expect(headers?.['set-cookie']).not.toContain('rule-me');
  const secure = await ask(gate(undefined, true), 'POST', ours, { token: 'rule-me' });
  expect(secure.headers?.['set-cookie']).toMatch(/; Secure$/);
});

test.each([
  ['a wrong token', ours, { token: 'guess' }, 'unauthorized'],
  ["a caller's token", ours, { token: 'call-me' }, 'unauthorized'],
  ['no token', ours, {}, 'invalid_request'],
  ['no body', ours, undefined, 'invalid_request'],
  ['more than a token', ours, { token: 'rule-me', admin: true }, 'invalid_request'],
  [
    'a page of another site',
    { host, origin: 'https://attacker.example' },
    { token: 'rule-me' },
    'origin_not_allowed',
  ],
  [
    'a page of another port of this host',
    { host, origin: 'http://127.0.0.1:3000' },
    { token: 'rule-me' },
    'origin_not_allowed',
  ],
  ['a page without an origin', { host, origin: 'null' }, { token: 'rule-me' }, 'origin_not_allowed'],
  ['what is no page', { host }, { token: 'rule-me' }, 'origin_not_allowed'],
] as const)('%s is refused: %j', async (_, headers, body, expected) => {
  expect(await refusedWith(ask(gate(), 'POST', headers, body))).toBe(expected);
});

test('the cookie opens what its token opens: every surface, every topic, as the same person', async () => {
  const access = gate();
  const cookie = await cookieOf(access);
  for (const surface of ['admin', 'caller', 'session'] as const)
    expect(code(access.refusal(request({ cookie }), surface)), surface).toBeNull();
  expect(access.topicGrant(request({ cookie })).watch).toContain('greenroom.>');
  const byToken = access.principal(request({ authorization: 'Bearer rule-me' }));
  expect(access.principal(request({ cookie }))).toBe(byToken);
  expect((await ask(access, 'GET', { host, cookie })).body).toMatchObject({ state: 'signed_in' });
});

test.each([
  ['changes something, from our page', { origin: `http://${host}` }, 'POST', null],
  ['changes something, from another port', { origin: 'http://127.0.0.1:3000' }, 'POST', 'unauthorized'],
  ['changes something, from nowhere', {}, 'POST', 'unauthorized'],
  ['reads, from nowhere: an address that was typed', {}, 'GET', null],
  ['reads, from another site of this machine', { 'sec-fetch-site': 'same-site' }, 'GET', 'unauthorized'],
  ['opens a WebSocket from our page', { upgrade: 'websocket', origin: `http://${host}` }, 'GET', null],
  [
    'opens a WebSocket from another port',
    { upgrade: 'websocket', origin: 'http://localhost:3000' },
    'GET',
    'unauthorized',
  ],
  ['opens a WebSocket from nowhere', { upgrade: 'websocket' }, 'GET', 'unauthorized'],
] as const)('a request with the cookie that %s', async (_, headers, method, expected) => {
  const access = gate();
  const cookie = await cookieOf(access);
  expect(code(access.refusal(request({ cookie, ...headers }, method), 'admin'))).toBe(expected);
});

test('a cookie ends with its time and with its token, and cannot be made or moved on', async () => {
  const token = new Secret('rule-me', 'a test');
  const other = new Secret('another', 'a test');
  const value = cookieFor(token, 'ab'.repeat(16), 1_000_000);
  const at = (text: string, nowMs: number, tokens = [other, token]) =>
    tokenOfCookie(request({ cookie: `x=1; greenroom_console=${text}` }), tokens, nowMs);
  expect(at(value, 1_000_000)).toBe(token);
  expect(at(value, 1_000_000 + (cookieSeconds - 1) * 1000)).toBe(token);
  expect(at(value, 1_000_000 + cookieSeconds * 1000)).toBeUndefined();
  expect(at(value, 1_000_000, [other])).toBeUndefined();
  const [expires, nonce, proof] = value.split('.');
  expect(at(`${Number(expires) + 1}.${nonce}.${proof}`, 1_000_000)).toBeUndefined();
  expect(at(`${expires}.${'00'.repeat(16)}.${proof}`, 1_000_000)).toBeUndefined();
  expect(at(`${expires}.${nonce}.${'00'.repeat(32)}`, 1_000_000)).toBeUndefined();
  expect(at('', 1_000_000)).toBeUndefined();
  const access = gate({ tokens: [], admin: ['new-token'] });
  expect(code(access.refusal(request({ cookie: await cookieOf(gate()) }), 'admin'))).toBe('unauthorized');
});

test('signing out takes the cookie away, from our page alone', async () => {
  const { headers, body } = await ask(gate(), 'DELETE', ours);
  expect(headers?.['set-cookie']).toMatch(/^greenroom_console=; Path=\/; Max-Age=0;/);
  expect(body).toMatchObject({ state: 'signed_out' });
  const foreign = { host, origin: 'http://127.0.0.1:3000' };
  expect(await refusedWith(ask(gate(), 'DELETE', foreign))).toBe('origin_not_allowed');
});

test('where no tokens are configured nobody has to sign in', async () => {
  const access = gate({});
  expect((await ask(access, 'GET', { host })).body).toEqual({ state: 'open', expires_in_s: null });
  const answer = await ask(access, 'POST', ours, { token: 'anything' });
  expect(answer).toMatchObject({ status: 200, body: { state: 'open' } });
  expect(answer.headers).toBeUndefined();
});

test('one of the same name that another page has set for a path of its own keeps nobody out', async () => {
  const access = gate();
  const cookie = await cookieOf(access);
  for (const both of [`greenroom_console=x; ${cookie}`, `${cookie}; greenroom_console=x`])
    expect(code(access.refusal(request({ ...ours, cookie: both }), 'admin'))).toBeNull();
  const many = `${'greenroom_console=x; '.repeat(8)}${cookie}`;
  expect(code(access.refusal(request({ ...ours, cookie: many }), 'admin'))).toBe('unauthorized');
});
