// The HTTP surface is what /openapi.json says: every path and method, every answer of a gateway in different states.
import { expect, test } from 'vitest';
import { apiSchemas } from '../../src/gateway/api-schemas.ts';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';

interface Operation {
  readonly summary: string;
  readonly security?: readonly object[];
  readonly responses: Readonly<
    Record<
      string,
      { readonly content: { readonly 'application/json': { readonly schema: { readonly $ref: string } } } }
    >
  >;
}
interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** Components by the name they have in the document. */
const schemas = new Map(
  Object.entries(apiSchemas).map(([name, schema]) => [
    ((schema.meta() ?? {}) as { id?: string }).id ?? name,
    schema,
  ]),
);

const config = {
  engines: {
    voice: { worker: fixture('gateway/tone.mjs') },
    activity: { builtin: 'silero' },
    // Asked for everything that may be asked of an engine.
    toy: { worker: fixture('gateway/tone.mjs') },
    broken: { worker: fixture('gateway/fails.mjs'), options: { how: 'throw' } },
    program: { run: [process.execPath, fixture('gateway/http-engine.mjs'), '--port', '${port}'] },
  },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};

async function describe(url: string): Promise<Description> {
  return (await (await fetch(`${url}/openapi.json`)).json()) as Description;
}

async function expectTrue(url: string): Promise<readonly string[]> {
  const { paths, components } = await describe(url);
  const asked: string[] = [];
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (path === '/api/shutdown') continue;
      const response = await fetch(`${url}${path.replace(/\{\w+\}/, 'toy')}`, {
        method: method.toUpperCase(),
        headers: { accept: 'application/json' },
      });
      const what = `${method} ${path}: ${response.status}`;
      const documented = operation.responses[String(response.status)];
      expect(documented, what).toBeDefined();
      const [type = ''] = Object.keys(documented?.content ?? {});
      expect(response.headers.get('content-type'), what).toContain(type);
      asked.push(what);
      if (type !== 'application/json') {
        await response.body?.cancel();
        continue;
      }
      const name = documented?.content['application/json'].schema.$ref.split('/').at(-1) ?? '';
      expect(components.schemas, what).toHaveProperty([name]);
      const parsed = schemas.get(name)?.safeParse(await response.json());
      expect(parsed?.error?.issues, what).toBeUndefined();
      expect(parsed?.success, what).toBe(true);
    }
    // An engine may take any.
    if ('patch' in methods) continue;
    const allowed = Object.keys(methods).map((method) => method.toUpperCase());
    const other = await fetch(`${url}${path.replace(/\{\w+\}/, 'toy')}`, { method: 'PATCH' });
    expect(other.status).toBe(405);
    expect(other.headers.get('allow')?.split(', ').sort()).toEqual([...allowed].sort());
    expect(apiSchemas.error.safeParse(await other.json()).success).toBe(true);
  }
  return asked;
}

test('every documented path answers as documented, while engines load, with a call open, and when one has failed', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const url = await gateway.url();
  const early = await expectTrue(url);
  await gateway.event('engine', ({ name, state }) => name === 'program' && state === 'ready');
  await gateway.event('engine', ({ name, state }) => name === 'broken' && state === 'failed');
  await using caller = await Caller.call(url);
  await caller.lobby('ready');
  const late = await expectTrue(url);
  expect(late.length).toBe(early.length);
  expect(late).toContain('get /api/sessions: 200');
  expect(late).toContain('get /readyz: 503');
  const { body } = await gateway.json('/api/sessions');
  expect((body as { data: unknown[] }).data).toHaveLength(1);
  const left = await fetch(`${url}/api/shutdown`, { method: 'POST' });
  expect(left.status).toBe(202);
  expect(apiSchemas.shuttingDown.parse(await left.json())).toEqual({ status: 'shutting_down' });
});

test('the document says of every path who may use it, and is OpenAPI 3.1', async () => {
  await using gateway = await GatewayProcess.start();
  const { openapi, paths, components } = await describe(await gateway.url());
  expect(openapi).toMatch(/^3\.1/);
  const isPublic = Object.entries(paths)
    .filter(([, methods]) => Object.values(methods).some(({ security }) => !security))
    .map(([path]) => path);
  // Of the console nothing is secret; who has signed in is found out behind its door.
  const console = ['/api/console/session', '/console', '/console/', '/console/{file}'];
  expect(isPublic.sort()).toEqual([...console, '/healthz', '/openapi.json', '/readyz']);
  // Whatever is referred to is there.
  const references = [...JSON.stringify({ paths, components }).matchAll(/"\$ref":"([^"]+)"/g)];
  for (const [, reference = ''] of references) {
    const [, name = ''] = /^#\/components\/schemas\/(\w+)$/.exec(reference) ?? [];
    expect(components.schemas, reference).toHaveProperty([name]);
  }
});
