// `up` without a configuration finds what runs on this machine. A server takes the place of Ollama; where there is a real
// one, its port is taken and this is left out.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.ts';

const port = 11_434;
let ollama: Server | undefined;
const asked: string[] = [];

beforeAll(async () => {
  const server = createServer(async (request, response) => {
    asked.push(request.url ?? '');
    let body = '';
    for await (const part of request) body += part;
    if (request.method === 'POST') {
      const { model } = JSON.parse(body) as { model: string };
      const message = { role: 'assistant', content: `I am ${model}.` };
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ model, choices: [{ message, finish_reason: 'stop' }] }));
    }
    return response.end(request.url === '/' ? 'Ollama is running' : '{"data":[{"id":"qwen3:4b"}]}');
  });
  ollama = await new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
});
afterAll(async () => {
  ollama?.closeAllConnections();
  await new Promise((resolve) => (ollama ? ollama.close(resolve) : resolve(undefined)));
});

describe('up without a configuration', () => {
  test('adds what it found beside the embedded engines, and says so', async (context) => {
    if (!ollama) return context.skip('somebody listens on the port of Ollama');
    await using gateway = await GatewayProcess.start({ discover: true });
    const found = await gateway.event('found', ({ engine }) => engine === 'ollama');
    expect(found).toEqual({
      ...{ event: 'found', engine: 'ollama', preset: 'ollama', model: 'qwen3:4b' },
      url: `http://127.0.0.1:${port}`,
      text: `found Ollama at http://127.0.0.1:${port} with qwen3:4b: it is the engine "ollama"`,
    });
    await gateway.event('engine', ({ name, state }) => name === 'ollama' && state === 'ready');
    await gateway.event('ready');
    const { body } = await gateway.json('/api/engines');
    const names = (body as { data: { name: string }[] }).data.map(({ name }) => name);
    expect(names).toEqual(['voice', 'activity', 'ollama']);
    const models = (await gateway.json('/v1/models')).body as { data: { id: string }[] };
    expect(models.data.map(({ id }) => id)).toEqual(['echo', 'voice', 'ollama']);
    // Whatever a client calls its model.
    for (const model of ['ollama', 'gpt-4o']) {
      const chat = { model, messages: [{ role: 'user', content: 'Who are you?' }] };
      const said = await gateway.json('/v1/chat/completions', {
        ...{ method: 'POST', body: JSON.stringify(chat), headers: { 'content-type': 'application/json' } },
      });
      expect(said.body).toMatchObject({ choices: [{ message: { content: 'I am qwen3:4b.' } }] });
    }
    gateway.child.kill('SIGTERM');
    expect((await gateway.exited).code).toBe(0);
  });

  test.each([
    ['when it is told not to', {}],
    ['with a configuration file', { discover: true, config: {} }],
  ])('looks for nothing %s', async (_, options) => {
    asked.length = 0;
    await using gateway = await GatewayProcess.start(options);
    await gateway.event('ready');
    expect(gateway.events.filter(({ event }) => event === 'found')).toEqual([]);
    expect(asked).toEqual([]);
  });

  test('leaves as quickly while it looks', async () => {
    await using gateway = await GatewayProcess.start({ discover: true });
    await gateway.event('listening');
    gateway.child.kill('SIGTERM');
    expect((await gateway.exited).code).toBe(0);
  });

  test('with a model that is not there says so, and opens nothing', async () => {
    await using gateway = await GatewayProcess.start({ args: ['--model', 'no.gguf'] });
    const failed = await gateway.event('failed');
    expect(failed).toMatchObject({ code: 'bad_usage' });
    expect((await gateway.exited).code).toBe(2);
  });
});
