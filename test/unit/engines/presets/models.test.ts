import { expect, test } from 'vitest';
import { localEndpoint } from '../../../../src/engines/endpoint.ts';
import { askModels, isListed, namesIn } from '../../../../src/engines/presets/models.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { httpServer } from '../http/http-server.ts';

const { signal } = new AbortController();
const options = { clock: systemClock, timeoutMs: 1000, signal };

test.each<[string, readonly string[] | undefined]>([
  ['{"data":[{"id":"b"},{"id":"a"}]}', ['b', 'a']],
  ['{"data":[{"id":"text-embedding-3"},{"id":"gpt"}]}', ['gpt', 'text-embedding-3']],
  ['{"data":[{"id":""},{"id":1},null,{"name":"x"},{"id":"two\\nlines"},{"id":"\\u001b[31mred"}]}', []],
  [`{"data":[{"id":"${'x'.repeat(257)}"}]}`, []],
  ['{"data":{}}', undefined],
  ['null', undefined],
  ['<html>', undefined],
])('%s', (text, names) => {
  expect(namesIn(text)).toEqual(names);
});

test('a model is known with and without the tag that Ollama adds', () => {
  expect(isListed(['qwen3:latest', 'phi:3b'], 'qwen3')).toBe(true);
  expect(isListed(['qwen3:latest', 'phi:3b'], 'phi:3b')).toBe(true);
  expect(isListed(['qwen3:latest', 'phi:3b'], 'phi')).toBe(false);
});

test('what is no list is said, with its status', async () => {
  let status = 200;
  await using server = await httpServer((request, response) => {
    response.writeHead(status).end(request.url === '/v1/models' ? '{"data":[{"id":"m"}]}' : '');
  });
  const endpoint = localEndpoint({ host: '127.0.0.1', port: server.port });
  expect(await askModels(endpoint, options)).toMatchObject({ state: 'told', names: ['m'] });
  status = 401;
  expect(await askModels(endpoint, options)).toEqual({
    ...{ state: 'untold', why: 'HTTP 401 from /v1/models', status: 401 },
  });
  await server[Symbol.asyncDispose]();
  expect(await askModels(endpoint, options)).toMatchObject({ state: 'untold' });
});
