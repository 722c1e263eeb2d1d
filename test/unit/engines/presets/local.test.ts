import type { RequestListener } from 'node:http';
import { describe, expect, test } from 'vitest';
import { type LookOptions, lookAround } from '../../../../src/engines/presets/local.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { until } from '../../../support/poll.ts';
import { httpServer } from '../http/http-server.ts';

const { signal } = new AbortController();
const options: LookOptions = { clock: systemClock, signal, timeoutMs: 1000 };

const answers =
  (paths: Readonly<Record<string, string>>, headers = {}, status = 200): RequestListener =>
  (request, response) => {
    const text = paths[request.url ?? ''];
    response.writeHead(text === undefined ? 404 : status, headers).end(text);
  };
const models = (...names: readonly string[]) => JSON.stringify({ data: names.map((id) => ({ id })) });
const llama = '{"data":[{"id":"q.gguf","owned_by":"llamacpp"}]}';

async function found(preset: 'ollama' | 'lmstudio' | 'llama-server', listener: RequestListener) {
  await using server = await httpServer(listener);
  const [engine] = await lookAround(options, [[preset, server.port]]);
  if (engine) expect(engine).toMatchObject({ preset, url: `http://127.0.0.1:${server.port}` });
  return engine && { models: engine.models, state: engine.state };
}

describe('what runs on this machine', () => {
  const ollama = 'Ollama is running';
  const running = (...names: readonly string[]) => ({ models: names, state: 'running' });

  test('is told by what it says of itself', async () => {
    expect(await found('ollama', answers({ '/': ollama, '/v1/models': models('qwen3:4b', 'phi') }))).toEqual(
      running('qwen3:4b', 'phi'),
    );
    expect(await found('ollama', answers({ '/': ollama }))).toEqual(running());
    const greeting = {
      '/lmstudio-greeting': '{"lmstudio":true}',
      '/v1/models': models('text-embed', 'gemma'),
    };
    expect(await found('lmstudio', answers(greeting))).toEqual(running('gemma', 'text-embed'));
    expect(await found('llama-server', answers({ '/v1/models': llama }))).toEqual(running('q.gguf'));
    const loading = answers({ '/v1/models': '{"error":{}}' }, { server: 'llama.cpp' }, 503);
    expect(await found('llama-server', loading)).toEqual({ models: [], state: 'loading' });
  });

  test.each<['ollama' | 'lmstudio' | 'llama-server', RequestListener]>([
    ['ollama', answers({ '/': '<h1>It works!</h1>', '/v1/models': models('m') })],
    ['ollama', answers({ '/': ollama }, {}, 500)],
    ['lmstudio', answers({ '/lmstudio-greeting': '{}', '/v1/models': models('m') })],
    ['llama-server', answers({ '/v1/models': models('m') })],
    ['llama-server', answers({ '/v1/models': llama }, {}, 401)],
    ['llama-server', answers({ '/v1/models': '{}' }, { server: 'nginx' }, 503)],
    ['llama-server', answers({ '/health': '{"status":"ok"}' })],
  ])('is not %s because something answers (%#)', async (preset, listener) => {
    expect(await found(preset, listener)).toBeUndefined();
  });

  test('is found in its time, all at once, whoever does not answer', async () => {
    await using deaf = await httpServer(() => undefined);
    await using well = await httpServer(answers({ '/': ollama, '/v1/models': models('m') }));
    await using half = await httpServer((request, response) => {
      if (request.url === '/') response.end(ollama);
    });
    const began = performance.now();
    const engines = await lookAround({ ...options, timeoutMs: 300 }, [
      ['lmstudio', deaf.port],
      ['llama-server', deaf.port],
      ['ollama', half.port],
      ['ollama', well.port],
    ]);
    expect(performance.now() - began).toBeLessThan(600);
    expect(engines.map(({ url, models: names }) => [url, names])).toEqual([
      [`http://127.0.0.1:${half.port}`, []],
      [`http://127.0.0.1:${well.port}`, ['m']],
    ]);
    await until(async () => (await deaf.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
  });
});
