// Somebody else's engines: found, asked, watched, lost and found again; never started or stopped. And those that are
// started by us when nobody runs them.
import { chmod, readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Secret, SecretRegistry } from '../../../src/config/secrets.ts';
import { localEndpoint } from '../../../src/engines/endpoint.ts';
import { askModels } from '../../../src/engines/presets/models.ts';
import { reservePort } from '../../../src/engines/process/ports.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { runConfig, type UrlChanges, urlConfig } from '../../support/engine-configs.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { httpServer } from '../../unit/engines/http/http-server.ts';
import { fixture, Supervised } from './supervised.ts';

const { signal: never } = new AbortController();

/** What is answered by path: a status, a text, or both. */
function answers(paths: Readonly<Record<string, number | string>>): RequestListener {
  return (request, response) => {
    const answer = paths[request.url ?? ''] ?? 404;
    request.resume().on('end', () => {
      if (typeof answer === 'number') response.writeHead(answer).end();
      else response.end(answer);
    });
  };
}
const list = (...names: readonly string[]) => JSON.stringify({ data: names.map((id) => ({ id })) });
const at = (server: { readonly port: number }, changes: UrlChanges = {}) =>
  urlConfig({ url: `http://127.0.0.1:${server.port}`, offers: ['chat'], ...changes });

async function failure(stage: Supervised) {
  await until(() => stage.engine.life.failure, { timeoutMs: 5000, what: 'the failure' });
  return stage.engine.life.failure;
}

describe('an engine that runs already', () => {
  test('is ready when it answers, by what it answered, and has neither pid nor port', async () => {
    await using server = await httpServer(answers({ '/v1/models': list('first', 'second') }));
    await using stage = await Supervised.start(at(server));
    await stage.becomes('ready');
    const { pid, port, evidence, rungMs, offers } = stage.engine.status();
    expect({ pid, port, offers }).toEqual({ pid: null, port: null, offers: ['chat'] });
    expect(Object.keys(rungMs)).toEqual(['listening', 'http', 'loaded', 'ready']);
    const where = `http://127.0.0.1:${server.port}`;
    expect(evidence).toEqual({
      listening: `${where} takes connections`,
      http: 'HTTP 200 from /v1/models',
      loaded: 'HTTP 200 from /v1/models, model first',
      ready: `${where} is used as it is`,
    });
  });

  test('is called with its key and model, below its own path', async () => {
    const seen: unknown[] = [];
    await using server = await httpServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      seen.push([request.url, request.headers.authorization, body && JSON.parse(body).model]);
      if (request.method === 'GET') return response.end(list('first'));
      const choice = { message: { content: 'Hi' }, finish_reason: 'stop' };
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ choices: [choice] }));
    });
    await using stage = await Supervised.start(
      urlConfig({
        url: `http://127.0.0.1:${server.port}/proxy`,
        ...{ offers: ['chat'], key: new Secret('sk-hush-hush', 'env:KEY'), modelName: 'big' },
      }),
    );
    await stage.becomes('ready');
    const { instance, release } = await stage.engine.admit({ signal: never });
    const parts: unknown[] = [];
    for await (const part of instance.chat({ messages: [] }, never)) parts.push(part);
    release();
    expect(parts).toEqual([{ text: 'Hi' }, { finish: 'stop' }]);
    expect(seen).toEqual([
      ['/proxy/v1/models', 'Bearer sk-hush-hush', ''],
      ['/proxy/v1/chat/completions', 'Bearer sk-hush-hush', 'big'],
    ]);
    expect(stage.engine.status().evidence.generated).toBe("a caller's chat was answered");
    expect(instance.modelName).toBe('big');
  });

  test('is left as it is when it is not wanted any more; calls under way are told', async () => {
    await using server = await httpServer((request, response) => {
      if (request.method === 'GET') response.end(list('m'));
    });
    await using stage = await Supervised.start(at(server));
    await stage.becomes('ready');
    const { instance } = await stage.engine.admit({ signal: never });
    await expect(instance.embed({ input: ['x'] }, never)).rejects.toMatchObject({
      code: 'engine_call_unsupported',
    });
    const call = instance.chat({ messages: [] }, never)[Symbol.asyncIterator]().next();
    await until(() => stage.engine.status().activeCalls === 1, { timeoutMs: 1000, what: 'the call' });
    const told = expect(call).rejects.toMatchObject({ code: 'engine_stopped' });
    expect(await stage.stop()).toBe('stopped');
    await told;
    await until(async () => (await server.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
    const endpoint = localEndpoint({ host: '127.0.0.1', port: server.port });
    expect(await askModels(endpoint, { clock: systemClock, timeoutMs: 1000, signal: never })).toMatchObject({
      names: ['m'],
    });
  });
});

describe('an engine that is not there', () => {
  test('is tried for ever, with a pause, and found when it comes', async () => {
    const { port, release } = await reservePort('127.0.0.1', 'auto', 'a test');
    release();
    await using stage = await Supervised.start(at({ port }));
    expect(await failure(stage)).toMatchObject({
      ...{ code: 'engine_unreachable', kind: 'passing' },
      message: `engine mine (http://127.0.0.1:${port}): http://127.0.0.1:${port} does not answer: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
    // More often than a program may fail.
    for (let count = 0; count < 7; count += 1) {
      await stage.becomes('backoff');
      const { instance } = stage.engine.life;
      stage.engine.start();
      await until(() => stage.engine.life.instance > instance, { timeoutMs: 5000, what: 'an attempt' });
    }
    const server = createServer(answers({ '/v1/models': list('m') }));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    try {
      await stage.becomes('ready');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test.each([401, 403, 404])(
    'because it answers %i is not tried again until somebody asks',
    async (status) => {
      let now = status;
      await using server = await httpServer((_, response) => response.writeHead(now).end(list('m')));
      await using stage = await Supervised.start(at(server));
      await stage.becomes('failed');
      expect(stage.engine.life.failure).toMatchObject({ code: 'engine_unfit', kind: 'lasting' });
      now = 200;
      stage.engine.start();
      await stage.becomes('ready');
    },
  );

  test('because it is busy or loads is asked again', async () => {
    let asked = 0;
    await using server = await httpServer((_, response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 503 : 200).end(list('m'));
    });
    await using stage = await Supervised.start(at(server, { ready: { loading: [503] } }));
    await stage.becomes('ready');
    expect(stage.engine.life.instance).toBe(1);
  });

  test('because its certificate is not to be trusted says so; with one that is, it is used', async () => {
    const pem = (name: string) =>
      readFile(fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url)), 'utf8');
    const [cert, key] = await Promise.all([pem('cert'), pem('key')]);
    const server = createSecureServer({ cert, key }, answers({ '/v1/models': list('m') }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const trusted = getCACertificates();
    try {
      {
        await using stage = await Supervised.start(urlConfig({ url: `https://127.0.0.1:${port}` }));
        expect(await failure(stage)).toMatchObject({ code: 'engine_unreachable', kind: 'passing' });
        expect(stage.engine.life.failure?.message).toMatch(/self-signed certificate|unable to verify/);
      }
      setDefaultCACertificates([...trusted, cert]);
      await using stage = await Supervised.start(urlConfig({ url: `https://127.0.0.1:${port}` }));
      await stage.becomes('ready');
    } finally {
      setDefaultCACertificates(trusted);
      server.closeAllConnections();
      server.close();
    }
  });

  test('says nothing of its key, whatever it answers', async () => {
    const secrets = new SecretRegistry();
    const key = secrets.add(new Secret('sk-hush-hush', 'env:KEY'));
    await using server = await httpServer((request, response) => {
      if (request.method === 'GET') return response.end(list(`m ${request.headers.authorization}`));
      return response.writeHead(500).end(`what is ${request.headers.authorization}?`);
    });
    await using stage = await Supervised.masked(
      (text) => secrets.mask(text),
      at(server, { key, ready: { generate: true } }),
    );
    const found = await failure(stage);
    expect(found?.message).toContain('chat: HTTP 500: what is Bearer ***?');
    expect(JSON.stringify([stage.engine.status(), stage.log])).not.toContain('hush');
  });
});

describe('an engine that was there', () => {
  test('is asked now and then while nobody uses it; when it is lost it is looked for again', async () => {
    let mode: 'well' | 'gone' = 'well';
    let asked = 0;
    await using server = await httpServer((request, response) => {
      asked += 1;
      if (mode === 'gone') request.socket.destroy();
      else response.end(list('m'));
    });
    await using stage = await Supervised.start(at(server, { checkEveryMs: 100 }));
    await stage.becomes('ready');
    const before = asked;
    await until(() => asked >= before + 3, { timeoutMs: 5000, what: 'some checks' });
    expect(stage.engine.life.instance).toBe(1);
    mode = 'gone';
    expect(await failure(stage)).toMatchObject({ code: 'engine_unreachable', kind: 'passing' });
    mode = 'well';
    await stage.becomes('ready');
    expect(stage.engine.life.instance).toBeGreaterThan(1);
  });

  test('is given up by a caller whose connection is lost, before the next check', async () => {
    let mode: 'well' | 'gone' = 'well';
    await using server = await httpServer((request, response) => {
      if (request.method === 'POST') mode = 'gone';
      if (mode === 'gone') request.socket.destroy();
      else response.end(list('m'));
    });
    await using stage = await Supervised.start(at(server));
    await stage.becomes('ready');
    const { instance } = await stage.engine.admit({ signal: never });
    const call = instance.chat({ messages: [] }, never)[Symbol.asyncIterator]().next();
    await expect(call).rejects.toMatchObject({ code: 'engine_unreachable' });
    expect(await failure(stage)).toMatchObject({ code: 'engine_unreachable' });
  });
});

describe('a preset that runs already', () => {
  test.each<[string, UrlChanges, Readonly<Record<string, number | string>>, string]>([
    [
      'llama-server',
      { ready: { http: '/health', loading: [503] } },
      { '/health': '{"status":"ok"}', '/v1/models': '{"data":[{"id":"q","owned_by":"somebody"}]}' },
      'is no llama-server: its list of models does not name "llamacpp" as their owner',
    ],
    [
      'ollama',
      { ready: { http: '/', loading: [], body: 'Ollama is running' } },
      { '/': '<h1>It works!</h1>' },
      'is something else: HTTP 200 from / without "Ollama is running"',
    ],
    [
      'ollama',
      { modelName: 'qwen3:4b', ready: { http: '/', loading: [], body: 'Ollama is running' } },
      { '/': 'Ollama is running', '/v1/models': list('phi:3b', 'gemma') },
      'has no model qwen3:4b; there are phi:3b, gemma; `ollama pull qwen3:4b`',
    ],
    [
      'lmstudio',
      { ready: { http: '/lmstudio-greeting', loading: [], body: '"lmstudio":true' } },
      { '/lmstudio-greeting': '{"lmstudio":true}', '/v1/models': list() },
      'has no model; it has none; load one in lmstudio',
    ],
  ])('%s is told from others (%#)', async (preset, changes, paths, why) => {
    await using server = await httpServer(answers(paths));
    await using stage = await Supervised.start(at(server, { preset, ...changes }));
    expect(await failure(stage)).toMatchObject({ code: 'engine_unfit', kind: 'passing' });
    expect(stage.engine.life.failure?.message).toContain(why);
  });

  test('is taken when it is what it says, with the model that it has', async () => {
    await using server = await httpServer(
      answers({
        '/health': '{"status":"ok"}',
        '/v1/models': '{"data":[{"id":"qwen.gguf","owned_by":"llamacpp"}]}',
      }),
    );
    await using stage = await Supervised.start(
      at(server, { preset: 'llama-server', ready: { http: '/health', loading: [503] } }),
    );
    await stage.becomes('ready');
    const { instance } = await stage.engine.admit({ signal: never });
    expect(instance.modelName).toBe('qwen.gguf');
  });
});

describe('Ollama, which is started when nobody runs it', () => {
  /** A program of that name: it says where it was told to listen. */
  async function ollamaIn(folder: TestFolder): Promise<string> {
    const text = `#!${process.execPath}\nconst [host, port] = process.env.OLLAMA_HOST.split(':');\nconsole.log(process.argv[2], host, port);\nprocess.env.HOST = host; process.env.PORT = port; process.env.HEALTH_BODY = 'Ollama is running';\nimport(${JSON.stringify(fixture('openai-engine.mjs'))});\n`;
    const path = await folder.write('bin/ollama', text);
    await chmod(path, 0o755);
    return join(folder.path, 'bin');
  }
  const ollama = (port: number) => {
    const ready = { http: '/health', body: 'Ollama is running', loading: [] };
    return urlConfig({
      ...{ url: `http://127.0.0.1:${port}`, preset: 'ollama', offers: ['chat'], ready },
      otherwise: runConfig({
        ...{ preset: 'ollama', run: ['ollama', 'serve'], env: { OLLAMA_HOST: '${address}' } },
        ...{ offers: ['chat'], ready },
      }),
    });
  };
  async function freePort(): Promise<number> {
    const { port, release } = await reservePort('127.0.0.1', 'auto', 'a test');
    release();
    return port;
  }
  async function withPath<T>(path: string, use: () => Promise<T>): Promise<T> {
    const before = process.env['PATH'];
    process.env['PATH'] = path;
    try {
      return await use();
    } finally {
      process.env['PATH'] = before;
    }
  }

  test('is ours then, at a port of ours, and goes with us', async () => {
    await using folder = await testFolder();
    const path = await ollamaIn(folder);
    await withPath(path, async () => {
      await using stage = await Supervised.start(ollama(await freePort()));
      await stage.becomes('ready');
      const { pid, port } = stage.engine.status();
      expect(pid).not.toBeNull();
      await stage.says(new RegExp(`^serve 127\\.0\\.0\\.1 ${port}$`, 'm'));
      expect(await stage.stop()).toBe('stopped');
      expect(await stage.processes()).toEqual([]);
    });
  });

  test('is used as it is when somebody runs it, and started when that one is gone', async () => {
    await using folder = await testFolder();
    const path = await ollamaIn(folder);
    await withPath(path, async () => {
      const server = await httpServer(answers({ '/health': 'Ollama is running', '/v1/models': list('m') }));
      await using stage = await Supervised.start({ ...ollama(server.port), checkEveryMs: 100 });
      await stage.becomes('ready');
      expect(stage.engine.status().pid).toBeNull();
      await server[Symbol.asyncDispose]();
      await until(() => stage.engine.life.state === 'ready' && stage.engine.status().pid !== null, {
        timeoutMs: 10_000,
        what: 'one of ours',
      });
    });
  });

  test('that is not installed says so, and is looked for again', async () => {
    await using folder = await testFolder();
    await withPath(folder.path, async () => {
      await using stage = await Supervised.start(ollama(await freePort()));
      expect(await failure(stage)).toMatchObject({ code: 'engine_unreachable', kind: 'passing' });
      expect(stage.engine.life.failure?.message).toContain(
        'start it; there is no program ollama on the PATH that greenroom could start',
      );
    });
  });

  test('is not doubled: who listens there and is something else is left alone', async () => {
    await using folder = await testFolder();
    const path = await ollamaIn(folder);
    await withPath(path, async () => {
      await using server = await httpServer(answers({ '/health': 'a wiki' }));
      await using stage = await Supervised.start(ollama(server.port));
      expect(await failure(stage)).toMatchObject({ code: 'engine_unfit' });
      expect(await stage.processes()).toEqual([]);
    });
  });

  test('that is stopped before anybody has looked starts nothing', async () => {
    await using stage = await Supervised.start(ollama(await freePort()));
    expect(await stage.stop()).toBe('stopped');
    expect(await stage.processes()).toEqual([]);
  });
});
