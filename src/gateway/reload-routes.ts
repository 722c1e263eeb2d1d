// The configuration over HTTP: read again, its differences told and applied.
import * as z from 'zod';
import { checked } from './checked-body.ts';
import { renewal } from './pipeline-routes.ts';
import type { Reloads } from './reloads.ts';
import type { RouteTable } from './route-table.ts';

export type ReloadSources = Pick<Reloads, 'reload'>;

const reloadRequest = z
  .strictObject({ dryRun: z.boolean().optional().describe('Only what would be done. Default: no.') })
  .meta({ id: 'ReloadRequest' });

const reloaded = z
  .strictObject({
    source: z.string().describe('What was read.'),
    applied: z.boolean(),
    differences: z.array(
      z.strictObject({
        path: z.string().describe('`engines.NAME`, `pipelines.NAME`, or a key.'),
        change: z.enum(['added', 'changed', 'removed']),
        keys: z.array(z.string()).describe('Of an engine or a pipeline what is different in it.'),
        applies: z.enum(['now', 'start']).describe('`start`: only with the next start of the gateway.'),
      }),
    ),
    engines: z.array(renewal).describe('How each engine that is another gets there.'),
    pipelines: z
      .array(z.strictObject({ name: z.string(), generation: z.int() }))
      .describe('Those that were built anew.'),
  })
  .meta({ id: 'Reloaded' });

export const reloadSchemas = { reloadRequest, reloaded };

export function reloadRoutes(reloads: ReloadSources): RouteTable {
  return {
    '/api/reload': {
      POST: {
        surface: 'admin',
        summary:
          'Reads the configuration again: checked first, then what is different is applied without dropping a session.',
        body: 'reloadRequest',
        answers: { 200: 'reloaded' },
        refusals: [
          ...(['invalid_request', 'body_too_large', 'config_invalid', 'config_not_found'] as const),
          ...(['secret_missing', 'restart_under_way', 'too_many_generations', 'server_shutdown'] as const),
        ],
        answer: async ({ json }) => ({
          status: 200,
          body: await reloads.reload(checked(reloadRequest, await json())),
        }),
      },
    },
  };
}
