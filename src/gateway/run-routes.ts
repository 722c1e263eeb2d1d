// The runs of engines over HTTP, as the store has them.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Archive } from '../store/archive.ts';
import type { EngineRunRow, Store } from '../store/store.ts';
import type { RouteTable } from './route-table.ts';
import { limitIn } from './session-question.ts';

export interface RunSources {
  /** Undefined: nothing is kept. */
  readonly store: (Pick<Store, 'flush'> & Pick<Archive, 'runsOf'>) | undefined;
  /** Names of those that are configured. */
  readonly names: () => readonly string[];
}

const limitDefault = 100;

export function runRoutes(sources: RunSources): RouteTable {
  return {
    '/api/engines/{name}/runs': {
      GET: {
        surface: 'admin',
        summary: 'How an engine loaded and ended before, the newest first: `limit` (100, 1000 at most).',
        answers: { 200: 'engineRuns' },
        refusals: ['not_found', 'invalid_request', 'store_unusable', 'store_busy'],
        answer: async ({ param, query }) => {
          const { store, names } = sources;
          const name = param('name');
          const limit = limitIn(query('limit')) ?? limitDefault;
          await store?.flush();
          const runs = (await store?.runsOf(name, limit)) ?? [];
          // Of one that is not configured any more there may be some.
          if (runs.length > 0 || names().includes(name))
            return { status: 200, body: { object: 'list', data: runs.map(shown) } };
          const message = `nothing is known of an engine ${JSON.stringify(name.slice(0, 64))}; there are ${names().join(', ')}`;
          throw new GreenroomError('not_found', message);
        },
      },
    },
  };
}

/** What tells two of our own runs apart is nobody else's. */
const shown = ({ run: _, modelKey: __, ...run }: EngineRunRow) => run;
