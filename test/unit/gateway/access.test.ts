// Who may do what.
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import type { Config } from '../../../src/config/types.ts';
import { Access } from '../../../src/gateway/access.ts';
import { ClientSecrets } from '../../../src/gateway/client-secrets.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

const access = (auth: { tokens?: string[]; admin?: string[]; origins?: string[] } = {}) => {
  const secrets = (values: string[] = []) => values.map((value) => new Secret(value, 'a test'));
  const config = {
    listen: { host: '127.0.0.1', port: 7460 },
    auth: { tokens: secrets(auth.tokens), admin: secrets(auth.admin), origins: auth.origins ?? [] },
  };
  return new Access(config as unknown as Config, new ClientSecrets(new VirtualClock()));
};
const request = (headers: Readonly<Record<string, string>>, url = '/v1/realtime') =>
  ({ headers: { host: '127.0.0.1:7460', ...headers }, url }) as unknown as IncomingMessage;
const code = (refusal: { code: string } | null) => refusal?.code ?? null;

test.each([
  [{}, null],
  [{ host: 'localhost:7460' }, null],
  [{ host: '[::1]:7460' }, null],
  [{ host: 'attacker.example' }, 'origin_not_allowed'],
  [{ host: '127.0.0.1.attacker.example:7460' }, 'origin_not_allowed'],
  [{ origin: 'http://localhost:3000' }, null],
  [{ origin: 'http://127.0.0.1:7460' }, null],
  [{ origin: 'https://attacker.example' }, 'origin_not_allowed'],
  [{ origin: 'null' }, 'origin_not_allowed'],
  [{ origin: 'https://localhost.attacker.example' }, 'origin_not_allowed'],
  [{ origin: 'https://app.example' }, null],
])('without tokens, headers %j: %s', (headers, expected) => {
  const gate = access({ origins: ['https://app.example'] });
  expect(code(gate.refusal(request(headers as Record<string, string>), 'admin'))).toBe(expected);
});

test.each([
  ['caller', {}, '/v1/realtime', 'unauthorized'],
  ['caller', { authorization: 'Bearer call-me' }, '/v1/realtime', null],
  ['caller', { authorization: 'Bearer rule-me' }, '/v1/realtime', null],
  ['caller', { authorization: 'Bearer call-me-not' }, '/v1/realtime', 'unauthorized'],
  ['caller', { 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.call-me' }, '/v1/realtime', null],
  ['caller', {}, '/v1/realtime?token=call-me', null],
  ['admin', { authorization: 'Bearer call-me' }, '/api/tree', 'unauthorized'],
  ['admin', { authorization: 'Bearer rule-me' }, '/api/tree', null],
  ['public', {}, '/readyz', null],
  ['public', { host: 'any.name.will.do' }, '/readyz', null],
] as const)('with tokens, %s surface, headers %j, %s: %s', (surface, headers, url, expected) => {
  const gate = access({ tokens: ['call-me'], admin: ['rule-me'] });
  expect(code(gate.refusal(request(headers, url), surface))).toBe(expected);
});

test('a refusal never repeats the token', () => {
  const gate = access({ tokens: ['right-token'], admin: ['other-token'] });
  const refusal = gate.refusal(request({ authorization: 'Bearer wrong-token' }), 'caller');
  expect(JSON.stringify(refusal?.toBody())).not.toMatch(/wrong-token|right-token/);
});
