// Events over HTTP, as the table of routes has them: what is answered by the endpoint, and who watches and publishes.
import type { RouteTable } from '../route-table.ts';
import { type ClientsQuery, clientsQuery } from './client-facts.ts';

export interface EventSources {
  /** Who watches. */
  readonly clients: (query: ClientsQuery) => readonly unknown[];
  /** Who publishes. */
  readonly producers: () => readonly unknown[];
}

export function eventRoutes({ clients, producers }: EventSources): RouteTable {
  const refusals = ['invalid_request', 'invalid_topic', 'topic_not_allowed'] as const;
  return {
    '/v1/events': {
      GET: {
        surface: 'caller',
        summary:
          'Watches events, as a WebSocket or as server-sent events: `topics`, `since`, `snapshot`, `client`, `policy`, `ping`, `envelope`, `control`.',
        answers: { 200: 'eventStream' },
        refusals: [...refusals, 'mixed_topics', 'upgrade_required'],
        answeredBy: 'events',
      },
      POST: {
        surface: 'caller',
        summary: 'Publishes one event, an array of them, or lines of them (application/x-ndjson).',
        body: 'anything',
        answers: { 200: 'published' },
        refusals: [
          ...refusals,
          'invalid_event',
          'event_too_large',
          'bad_envelope',
          'topic_reserved',
          'body_too_large',
        ],
        answeredBy: 'events',
      },
    },
    '/v1/events/clients/{client}': {
      POST: {
        surface: 'caller',
        summary: 'What a watcher without a WebSocket says: subscribe, unsubscribe, publish, ping, pong.',
        body: 'watcherRequest',
        answers: { 202: 'heard' },
        refusals: ['not_found', 'body_too_large'],
        answeredBy: 'events',
      },
    },
    '/api/clients': {
      GET: {
        surface: 'admin',
        summary: 'Those who watch events, the slowest first: `sort` (lag, latency, age, bytes), `limit`.',
        answers: { 200: 'clients' },
        refusals: ['invalid_request'],
        answer: ({ query }) => ({
          status: 200,
          body: { object: 'list', data: clients(clientsQuery(query)) },
        }),
      },
    },
    '/api/producers': {
      GET: {
        surface: 'admin',
        summary: 'Those who publish events, and those who did lately.',
        answers: { 200: 'producers' },
        answer: () => ({ status: 200, body: { object: 'list', data: producers() } }),
      },
    },
  };
}
