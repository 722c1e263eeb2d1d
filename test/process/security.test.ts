// Who may not, does not get in; and what is secret stays so.
import { writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { RawSocket } from '../support/raw-socket.ts';

const engines = {
  voice: { worker: fixture('gateway/tone.mjs') },
  activity: { builtin: 'silero' },
};
const pipelines = { default: { kind: 'echo', speak: 'voice', vad: 'activity' } };
const callerToken = 'caller-token-5a1f09';
const adminToken = 'admin-token-77c2e4';
const env = { CALLER_TOKEN: callerToken, ADMIN_TOKEN: adminToken, ENGINE_KEY: 'engine-key-90ab12' };
const locked = {
  engines: {
    ...engines,
    leaky: {
      run: [process.execPath, '-e', 'console.log("key", process.env.KEY); process.exit(9)'],
      env: { KEY: 'env:ENGINE_KEY' },
    },
  },
  pipelines,
  auth: {
    tokens: ['env:CALLER_TOKEN'],
    admin: ['env:ADMIN_TOKEN'],
    origins: ['https://app.example'],
  },
};

/** Status and code of the refusal, or `open`. */
function upgrade(
  url: string,
  { headers = {}, protocols = [] as string[], query = '' } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/realtime${query}`, protocols, { headers });
    socket.on('open', () => {
      resolve('open');
      socket.terminate();
    });
    socket.on('unexpected-response', (_, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(`${response.statusCode} ${JSON.parse(body).error.code}`));
    });
    socket.on('error', () => undefined);
  });
}

test('a page of another site can neither open a WebSocket nor ask; a name that was rebound to us neither', async () => {
  await using gateway = await GatewayProcess.start({ config: { engines, pipelines } });
  const url = await gateway.url();
  expect(await upgrade(url, { headers: { origin: 'https://evil.example' } })).toBe('403 origin_not_allowed');
  expect(await upgrade(url, { headers: { origin: 'null' } })).toBe('403 origin_not_allowed');
  expect(await upgrade(url, { headers: { host: 'evil.example' } })).toBe('403 origin_not_allowed');
  expect(await upgrade(url, { headers: { origin: 'http://localhost:5173' } })).toBe('open');
  for (const headers of ['Host: evil.example', 'Host: localhost\r\nOrigin: https://evil.example']) {
    for (const [method, path] of [
      ['GET', '/api/tree'],
      ['POST', '/api/shutdown'],
    ]) {
      await using raw = await RawSocket.dial(url);
      raw.write(`${method} ${path} HTTP/1.1\r\n${headers}\r\nContent-Length: 0\r\n\r\n`);
      expect((await raw.answer()).status, `${method} ${path} with ${headers}`).toBe(403);
    }
  }
  expect(gateway.child.exitCode).toBeNull();
});

test('a page of an allowed origin may read what it asks for, after the question that its browser asks', async () => {
  const config = {
    ...{ engines, pipelines },
    auth: { tokens: ['env:T'], admin: ['env:A'], origins: ['https://app.example'] },
  };
  await using gateway = await GatewayProcess.start({ config, env: { T: 'caller-token', A: 'admin-token' } });
  const url = await gateway.url();
  const asked = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  };
  const ask = (origin: string, path = '/v1/events') =>
    fetch(`${url}${path}`, { method: 'OPTIONS', headers: { origin, ...asked } });
  for (const path of ['/v1/events', '/v1/chat/completions', '/v1/models']) {
    const before = await ask('https://app.example', path);
    expect(before.status).toBe(204);
    expect(Object.fromEntries(before.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization',
      vary: 'origin',
    });
  }
  const foreign = await ask('https://evil.example');
  expect(foreign.status).toBe(403);
  expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  // What is refused can be read as well: a page has to learn why.
  for (const [path, status] of [
    ['/v1/models', 401],
    ['/v1/events', 401],
    ['/nowhere', 404],
  ] as const) {
    const refused = await fetch(url + path, { headers: { origin: 'https://app.example' } });
    expect(refused.status).toBe(status);
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example');
  }
  const stream = await fetch(`${url}/v1/events`, {
    headers: { origin: 'https://app.example', authorization: 'Bearer caller-token' },
  });
  expect([stream.status, stream.headers.get('access-control-allow-origin')]).toEqual([
    ...[200, 'https://app.example'],
  ]);
  await stream.body?.cancel();
});

describe('with tokens', () => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  test('each surface takes its own, in every place where a token may stand', async () => {
    await using gateway = await GatewayProcess.start({ config: locked, env });
    const url = await gateway.url();
    const key = (token: string) => ['realtime', `openai-insecure-api-key.${token}`];
    expect(await upgrade(url)).toBe('401 unauthorized');
    expect(await upgrade(url, { headers: bearer('wrong') })).toBe('401 unauthorized');
    expect(await upgrade(url, { headers: bearer(callerToken) })).toBe('open');
    expect(await upgrade(url, { headers: bearer(adminToken) })).toBe('open');
    expect(await upgrade(url, { protocols: key(callerToken) })).toBe('open');
    expect(await upgrade(url, { protocols: key('wrong') })).toBe('401 unauthorized');
    expect(await upgrade(url, { query: `?token=${callerToken}` })).toBe('open');
    expect(await upgrade(url, { headers: { ...bearer(callerToken), origin: 'https://app.example' } })).toBe(
      'open',
    );
    expect(await upgrade(url, { headers: { ...bearer(callerToken), origin: 'https://evil.example' } })).toBe(
      '403 origin_not_allowed',
    );
    const status = async (path: string, token?: string) =>
      (await fetch(`${url}${path}`, { headers: token ? bearer(token) : {} })).status;
    expect(await status('/healthz')).toBe(200);
    expect(await status('/v1/health')).toBe(401);
    expect(await status('/v1/health', callerToken)).toBe(200);
    expect(await status('/api/tree', callerToken)).toBe(401);
    expect(await status('/api/tree', adminToken)).toBe(200);
    expect(await status('/api/tree?token=', callerToken)).toBe(401);
    const shutdown = await fetch(`${url}/api/shutdown`, { method: 'POST', headers: bearer(callerToken) });
    expect(shutdown.status).toBe(401);
    const { missing } = ((await (await fetch(`${url}/readyz`)).json()) as ReadinessBody).error.details;
    // Who has no token learns states, and nothing of why.
    for (const engine of missing) expect(Object.keys(engine).sort()).toEqual(['name', 'rung', 'state']);
  });

  test('no way of writing a path leads past the token', async () => {
    await using gateway = await GatewayProcess.start({ config: locked, env });
    const url = await gateway.url();
    for (const path of [
      '/api/../api/tree',
      '/healthz/../api/tree',
      '/healthz/%2e%2e/api/tree',
      '/healthz%2f..%2fapi/tree',
      '//api/tree',
      '/api//tree',
      '/api/tree/',
      '/API/TREE',
      '/api/tree%00',
      '/api/tree;x=/healthz',
      '/api/tree?/healthz',
      '/api/tree#/healthz',
      'http://localhost/api/tree',
      'http://evil.example/api/tree',
      '\\api\\tree',
    ]) {
      await using raw = await RawSocket.dial(url);
      raw.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      const { status, body } = await raw.answer();
      expect([400, 401, 403, 404], path).toContain(status);
      expect(body, path).not.toContain('"children"');
    }
  });

  test('the door’s tokens are not the engines’ business: their environment has none', async () => {
    const tell = 'console.log("has", process.env.CALLER_TOKEN, process.env.ADMIN_TOKEN, process.env.MINE);';
    const module = `${tell} export default { contract: 1, offers: ['speak'], async load() { throw new Error('told'); } };`;
    await using gateway = await GatewayProcess.start({
      config: {
        ...locked,
        engines: {
          ...engines,
          program: {
            run: [process.execPath, '-e', `${tell} process.exit(9)`],
            env: { MINE: 'env:CALLER_TOKEN' },
          },
          worker: { worker: './tells.mjs' },
          thread: { worker: './tells.mjs', isolate: 'thread' },
        },
      },
      env,
      prepare: (folder) => writeFileSync(join(folder.path, 'tells.mjs'), module),
    });
    const tail = async (name: string) => {
      const { body } = await gateway.json('/api/engines', { headers: bearer(adminToken) });
      const all = (body as { data: { name: string; failure: { logTail: string[] } | null }[] }).data;
      return all.find((engine) => engine.name === name)?.failure?.logTail.join(' ');
    };
    for (const name of ['program', 'worker', 'thread']) {
      // Its last words may come after its failure is told.
      const said = await until(async () => (await tail(name))?.match(/has .*/)?.[0], {
        timeoutMs: 10_000,
        what: `the last words of ${name}`,
      });
      // What it was given by name it has, masked where it is shown.
      expect(said).toContain(name === 'program' ? 'has undefined undefined ***' : 'has undefined undefined');
    }
  });

  test('no secret is in the log, in what the engines leave, in /api, in an error, or on the terminal', async () => {
    await using gateway = await GatewayProcess.start({ config: locked, env });
    const url = await gateway.url();
    await gateway.event('engine', ({ name, error }) => name === 'leaky' && error !== undefined);
    await using caller = await Caller.call(url, `?token=${callerToken}&notices=1`);
    caller.say(`my key is ${env.ENGINE_KEY}`);
    await upgrade(url, { query: `?token=${callerToken}&model=nobody` });
    const shown: string[] = [];
    for (const path of ['/api/engines', '/api/sessions', '/api/tree', '/v1/health', '/nowhere', '/readyz']) {
      const response = await fetch(`${url}${path}?token=${adminToken}`, { headers: bearer(adminToken) });
      shown.push(await response.text());
    }
    gateway.child.kill('SIGTERM');
    await gateway.exited;
    const data = join(gateway.folder.path, '.greenroom');
    const names = await readdir(data, { recursive: true, withFileTypes: true });
    const files = names
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    // What a caller says is kept as it was said.
    for (const file of files.filter((name) => !name.includes('.db')))
      shown.push(await readFile(file, 'latin1'));
    shown.push(gateway.stderr, JSON.stringify(gateway.events));
    expect(files.some((file) => file.endsWith('greenroom.log'))).toBe(true);
    expect(shown.join('\n')).toContain('key ***');
    for (const secret of Object.values(env)) expect(shown.join('\n')).not.toContain(secret);
  });
});

interface ReadinessBody {
  readonly error: { readonly details: { readonly missing: readonly object[] } };
}

test('an address that others can reach is refused without tokens, with the reason', async () => {
  await using gateway = await GatewayProcess.start({
    config: { engines, pipelines },
    listen: '0.0.0.0:0',
  });
  await until(() => gateway.child.exitCode !== null, { timeoutMs: 10_000, what: 'the refusal' });
  expect(gateway.child.exitCode).toBe(2);
  expect(gateway.stderr).toContain('auth.tokens and auth.admin');
});
