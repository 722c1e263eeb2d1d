// How long each stage of a session's answers took, over HTTP: of one that is open, or was kept.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Store, TurnRow } from '../store/store.ts';
import type { RouteTable } from './route-table.ts';

export interface TurnSources {
  /** Undefined where nothing is kept. */
  readonly store: Pick<Store, 'flush' | 'sessionTurns'> | undefined;
  /** Whether such a session is open. */
  readonly isOpen: (id: string) => boolean;
}

export function turnRoutes(sources: TurnSources): RouteTable {
  return {
    '/api/sessions/{id}/turns': {
      GET: {
        surface: 'admin',
        summary:
          'How long each stage of the answers of a session took, also of one that has ended: the last 1000. Those of a bridge are made upstream, and have no stages here.',
        answers: { 200: 'turns' },
        refusals: ['not_found', 'store_unusable'],
        answer: async ({ param }) => {
          const { store, isOpen } = sources;
          const id = param('id');
          const shown = JSON.stringify(id.slice(0, 64));
          if (!store)
            throw new GreenroomError('not_found', `nothing is kept of session ${shown}: \`store: none\``);
          await store.flush();
          const rows = await store.sessionTurns(id);
          if (rows.length > 0 || isOpen(id))
            return { status: 200, body: { object: 'list', data: rows.map(turnOf) } };
          throw new GreenroomError(
            'not_found',
            `nothing is known of answers of session ${shown}: it is not open, and none of them was kept`,
          );
        },
      },
    },
  };
}

function turnOf({ sessionId: session, id, itemId: item, state, beganAtMs, ...stages }: TurnRow) {
  return { id, object: 'turn', session, item, state, beganAtMs, ...stages };
}
