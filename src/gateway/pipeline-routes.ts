// The pipelines over HTTP: their generations, and the next one.
import * as z from 'zod';
import { checked } from './checked-body.ts';
import type { Restarts } from './restarts.ts';
import type { RouteTable } from './route-table.ts';

export type PipelineSources = Pick<Restarts, 'list' | 'get' | 'restart' | 'restartAll'>;

const restartRequest = z
  .strictObject({
    mode: z
      .enum(['replace', 'seamless'])
      .optional()
      .describe(
        '`replace`, the default: new callers wait until it is ready. `seamless`: they get the old one until then.',
      ),
    engines: z.boolean().optional().describe('Whether its engines are started anew. Default: no.'),
  })
  .meta({ id: 'RestartRequest' });

const engineState = z.enum(['idle', 'starting', 'ready', 'stopping', 'backoff', 'failed', 'stopped']);
const ms = (text: string) => z.number().describe(text);

const pipeline = z
  .strictObject({
    name: z.string(),
    kind: z.enum(['echo', 'cascade', 'bridge']),
    needs: z.array(z.string()).describe('Names of engines.'),
    voice: z.string(),
    state: z
      .enum(['waiting', 'ready', 'failed', 'removed'])
      .describe('Of what new callers get; `removed`: the configuration has it no more.'),
    generation: z.int().nullable().describe('What new callers get.'),
    generations: z
      .array(
        z.strictObject({
          number: z.int(),
          state: z.enum(['building', 'current', 'draining']),
          sessions: z.int(),
          sinceMs: ms('When it came into its state, ms since the epoch.'),
          engines: z
            .array(z.strictObject({ name: z.string(), state: engineState, pid: z.int().nullable() }))
            .describe('Whom it asks; each generation may have instances of its own.'),
        }),
      )
      .describe('Those that are not closed, the oldest first.'),
    failure: z
      .strictObject({ generation: z.int(), code: z.string(), message: z.string() })
      .nullable()
      .describe('Of the last that was built beside the current one, where it came to nothing.'),
  })
  .meta({ id: 'Pipeline' });

export const renewal = z.strictObject({
  name: z.string(),
  way: z
    .enum(['beside', 'in_place', 'kept'])
    .describe('`in_place`: there is no room for two, so that its users wait while it starts anew.'),
  why: z.string().nullable().describe('Why not beside.'),
});

const restarted = z
  .strictObject({
    generation: z.int().describe('The number of the next.'),
    engines: z.array(renewal).describe('How each is renewed, where that was asked.'),
    pipeline,
  })
  .meta({ id: 'Restarted' });

const refusals = [
  ...(['invalid_request', 'body_too_large', 'restart_under_way'] as const),
  ...(['too_many_generations', 'server_shutdown'] as const),
];

export const pipelineSchemas = {
  pipeline,
  pipelines: z.strictObject({ object: z.literal('list'), data: z.array(pipeline) }),
  restartRequest,
  restarted,
  restartedAll: z.strictObject({ object: z.literal('list'), data: z.array(restarted) }),
};

export function pipelineRoutes(pipelines: PipelineSources): RouteTable {
  return {
    '/api/pipelines': {
      GET: {
        surface: 'admin',
        summary: 'The pipelines, their generations, and the engines they need.',
        answers: { 200: 'pipelines' },
        answer: () => ({ status: 200, body: { object: 'list', data: pipelines.list() } }),
      },
    },
    '/api/pipelines/{name}': {
      GET: {
        surface: 'admin',
        summary: 'One pipeline, its generations, and the engines it needs.',
        answers: { 200: 'pipeline' },
        refusals: ['not_found'],
        answer: ({ param }) => ({ status: 200, body: pipelines.get(param('name')) }),
      },
    },
    '/api/restart': {
      POST: {
        surface: 'admin',
        summary: 'The next generation of every pipeline; an engine that several ask is renewed once.',
        body: 'restartRequest',
        answers: { 202: 'restartedAll' },
        refusals,
        answer: async ({ json }) => {
          const data = await pipelines.restartAll(checked(restartRequest, await json()));
          return { status: 202, body: { object: 'list', data } };
        },
      },
    },
    '/api/pipelines/{name}/restart': {
      POST: {
        surface: 'admin',
        summary: 'The next generation of a pipeline: sessions keep theirs until they end.',
        body: 'restartRequest',
        answers: { 202: 'restarted' },
        refusals: [...refusals, 'not_found'],
        answer: async ({ param, json }) => {
          const request = checked(restartRequest, await json());
          const name = param('name');
          return { status: 202, body: await pipelines.restart(name, request) };
        },
      },
    },
  };
}
