// /openapi.json: the route table as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), with the schemas of
// api-schemas.ts. Made when somebody asks.
import * as z from 'zod';
import { type ErrorCode, factsOf } from '../lifecycle/codes.ts';
import { version } from '../version.ts';
import { type ApiSchemaName, apiSchemas } from './api-schemas.ts';
import type { EngineRoute, Route, RouteTable } from './route-table.ts';

/** Besides its own: what every path of a surface may refuse with. */
const refusalsOf: Readonly<Record<Route['surface'], readonly ErrorCode[]>> = {
  public: ['origin_not_allowed'],
  session: ['origin_not_allowed', 'unauthorized'],
  caller: ['origin_not_allowed', 'unauthorized'],
  admin: ['origin_not_allowed', 'unauthorized'],
};

type AnyRoute = Route | EngineRoute;

/** What is no JSON, or not always. */
const mediaTypes: Readonly<Partial<Record<ApiSchemaName, readonly string[]>>> = {
  answerOrEvents: ['application/json', 'text/event-stream'],
  generation: ['application/json', 'text/event-stream'],
  eventStream: ['text/event-stream'],
  text: ['text/plain'],
  page: ['text/html'],
  audio: ['audio/wav', 'audio/pcm'],
  transcript: ['application/json', 'text/plain', 'text/vtt'],
  recordedAudio: ['audio/wav', 'audio/webm'],
  transcriptionForm: ['multipart/form-data'],
  bytes: ['*/*'],
};

export function openApi(table: RouteTable): Readonly<Record<string, unknown>> {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(apiSchemas)) {
    const { id = name } = (schema.meta() ?? {}) as { id?: string };
    if (!registry.has(schema)) registry.add(schema, { id });
  }
  const schemas = withShared(z.toJSONSchema(registry, { uri: reference, io: 'output' }).schemas);
  return {
    openapi: '3.1.1',
    info: { title: 'greenroom', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths: Object.fromEntries(
      Object.entries(table).map(([path, methods]) => [path, pathItem(path, methods)]),
    ),
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, plain(schema)])),
      securitySchemes: {
        session: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of `auth.tokens` or `auth.admin`, or a client secret.',
        },
        caller: { type: 'http', scheme: 'bearer', description: 'A token of `auth.tokens` or `auth.admin`.' },
        admin: { type: 'http', scheme: 'bearer', description: 'A token of `auth.admin`.' },
      },
    },
  };
}

const reference = (id: string) => `#/components/schemas/${id}`;

type Schemas = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What only others refer to comes in a place of its own, under a name that no reader of OpenAPI finds: it is one of them. */
function withShared({ __shared: shared, ...schemas }: Schemas): Schemas {
  const all = { ...schemas, ...((shared?.['$defs'] ?? {}) as Schemas) };
  return JSON.parse(JSON.stringify(all).replaceAll(reference('__shared#/$defs/'), reference('')));
}

/** What a component says of itself is where it stands. */
function plain({ $id: _, $schema: __, ...schema }: Readonly<Record<string, unknown>>) {
  return schema;
}

function pathItem(path: string, methods: Readonly<Record<string, AnyRoute>>) {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: { type: 'string' } },
  }));
  return Object.fromEntries(
    Object.entries(methods).map(([method, route]) => [
      method.toLowerCase(),
      {
        summary: route.summary,
        ...(parameters.length > 0 && { parameters }),
        ...(route.body && { requestBody: { content: contentOf(route.body) } }),
        // No tokens configured: everybody on this machine may.
        ...(route.surface !== 'public' && { security: [{ [route.surface]: [] }, {}] }),
        responses: { ...goodAnswers(route), ...refusals(route) },
      },
    ]),
  );
}

function goodAnswers({ answers }: AnyRoute) {
  return Object.fromEntries(
    Object.entries(answers).map(([status, name]) => [
      status,
      { description: describe(name), content: contentOf(name) },
    ]),
  );
}

/** One entry a status, with the codes that it may mean. */
function refusals({ surface, answers, refusals: own = [] }: AnyRoute) {
  const byStatus = new Map<number, string[]>();
  for (const code of [...refusalsOf[surface], ...own]) {
    const { http, meaning } = factsOf(code);
    if (!answers[http]) byStatus.set(http, [...(byStatus.get(http) ?? []), `\`${code}\`: ${meaning}`]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, said]) => [
      status,
      { description: said.join('; '), content: contentOf('error') },
    ]),
  );
}

function describe(name: ApiSchemaName): string {
  return name === 'error' ? 'Not now: the error says why.' : 'As asked.';
}

function contentOf(name: ApiSchemaName) {
  const { id = name } = (apiSchemas[name].meta() ?? {}) as { id?: string };
  const content = { schema: { $ref: reference(id) } };
  return Object.fromEntries((mediaTypes[name] ?? ['application/json']).map((type) => [type, content]));
}
