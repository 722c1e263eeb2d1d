import { expect, test } from 'vitest';
import {
  headersToCaller,
  headersToEngine,
  queryToEngine,
  upgradeHeadersToEngine,
} from '../../../../src/gateway/engine-requests/proxy-headers.ts';

test('an engine gets what the caller sent, without what is the door’s or between two neighbours', () => {
  const sent = {
    host: 'gateway:7460',
    authorization: 'Bearer secret',
    cookie: 'session=secret',
    referer: 'http://localhost/?token=secret',
    'sec-websocket-protocol': 'openai-insecure-api-key.secret',
    'proxy-authorization': 'Basic secret',
    'openai-organization': 'org',
    'openai-project': 'project',
    'x-greenroom-engine': 'llm',
    expect: '100-continue',
    connection: 'keep-alive, X-Private , close',
    'keep-alive': 'timeout=5',
    'x-private': 'secret',
    te: 'trailers',
    trailer: 'x-sum',
    'transfer-encoding': 'chunked',
    'content-length': '5',
    upgrade: 'h2c',
    'http2-settings': 'x',
    'content-type': 'application/json',
    accept: '*/*',
    'user-agent': 'test',
    'x-request-id': '1',
  };
  expect(headersToEngine(sent)).toEqual({
    'content-type': 'application/json',
    accept: '*/*',
    'user-agent': 'test',
    'x-request-id': '1',
  });
});

test('a caller gets what the engine answered, without its cookies and grants; the length only of what is unchanged', () => {
  const answered = {
    'content-type': 'text/event-stream',
    'content-length': '100',
    'transfer-encoding': 'chunked',
    connection: 'close, x-inner',
    'x-inner': '1',
    'set-cookie': ['a=1'],
    'access-control-allow-origin': '*',
    date: 'today',
    'x-model': 'qwen',
  };
  expect(headersToCaller(answered, 'changed')).toEqual({
    'content-type': 'text/event-stream',
    'x-model': 'qwen',
  });
  expect(headersToCaller(answered, 'passed')).toMatchObject({ 'content-length': '100' });
});

test('a WebSocket handshake goes on without the caller’s key', () => {
  const sent = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'k',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chat, openai-insecure-api-key.secret , v2',
    authorization: 'Bearer secret',
  };
  expect(upgradeHeadersToEngine(sent)).toEqual({
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'k',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chat, v2',
  });
  const { 'sec-websocket-protocol': _, ...without } = sent;
  expect(upgradeHeadersToEngine(without)).not.toHaveProperty('sec-websocket-protocol');
});

test.each([
  ['', ''],
  ['?a=1&b=%20x', '?a=1&b=%20x'],
  ['?token=secret', ''],
  ['?a=1&token=secret&b=%C3%A4', '?a=1&b=%C3%A4'],
  ['?%74oken=secret&model=llm&a', '?a'],
])('of the query %s an engine gets %s', (search, expected) => {
  expect(queryToEngine(new URL(`http://gateway/x${search}`), ['token', 'model'])).toBe(expected);
});
