// `/v1/events`: who may, which method, and then a watcher, a post of events, or a watcher's request. Raw requests and
// responses, not those of the router.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Producers } from '../../hub/producers.ts';
import type { Publishes } from '../../hub/publication.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Access } from '../access.ts';
import { WaitingBytes } from '../engine-requests/waiting-bytes.ts';
import { methodNotAllowed, refuseRequest, refuseSocket } from '../refusal.ts';
import { readText } from '../request-body.ts';
import { targetOf } from '../request-head.ts';
import { eventsPath, watcherIn } from './events-path.ts';
import type { FairTurns } from './fair-turns.ts';
import { postEvents } from './http-ingest.ts';
import { TopicGrant } from './topic-grant.ts';
import { type WatchQuery, watchQuery } from './watch-query.ts';
import type { Visitor, Watchers } from './watchers.ts';

export interface EventsEndpointOptions {
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Log;
  readonly mask: (text: string) => string;
  readonly hub: Publishes;
  readonly watchers: Watchers;
  readonly producers: Producers;
  readonly turns: FairTurns;
  /** Aborts when the gateway leaves. */
  readonly leaving: AbortSignal;
}

export class EventsEndpoint {
  readonly #options: EventsEndpointOptions;
  readonly #waiting = new WaitingBytes();

  constructor(options: EventsEndpointOptions) {
    this.#options = options;
    options.watchers.onInvalidHandshake((socket, reason) =>
      refuseSocket(
        socket,
        new GreenroomError('invalid_request', `the WebSocket handshake is not valid: ${reason}`),
      ),
    );
  }

  /** False: it is not for us. */
  request(request: IncomingMessage, response: ServerResponse): boolean {
    const url = targetOf(request.url);
    const client = url ? watcherIn(url.pathname) : undefined;
    if (!url || (url.pathname !== eventsPath && client === undefined)) return false;
    this.#answer(url, client, request, response).catch((thrown: unknown) => {
      const error = toGreenroomError(thrown);
      if (error.code === 'internal_error') this.#options.log.error({ error: thrown }, 'a request failed');
      if (!response.headersSent) refuseRequest(response, error, this.#options.mask);
    });
    return true;
  }

  /** False: it is not for us. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const url = targetOf(request.url);
    if (url?.pathname !== eventsPath) return false;
    try {
      const visitor = this.#visitor(request);
      const query = this.#query(url, request, visitor);
      this.#options.watchers.upgrade({ request, socket, head }, query, visitor);
    } catch (thrown) {
      refuseSocket(socket, toGreenroomError(thrown));
    }
    return true;
  }

  async #answer(url: URL, client: string | undefined, request: IncomingMessage, response: ServerResponse) {
    const visitor = this.#visitor(request);
    const { method } = request;
    if (client !== undefined) return this.#heed(client, visitor, request, response);
    if (method === 'POST') return this.#post(visitor, request, response);
    if (method !== 'GET') throw methodNotAllowed(eventsPath, ['GET', 'POST'], method);
    if (!acceptsStream(request.headers.accept)) throw neither();
    const query = this.#query(url, request, visitor);
    // Written below the responses: it can only be the one whose turn it is, and nothing comes after it.
    if (response.socket !== request.socket) throw pipelined();
    this.#options.watchers.stream(response, request.socket as Socket, query, visitor);
  }

  #post({ grant, principal }: Visitor, request: IncomingMessage, response: ServerResponse): Promise<void> {
    return postEvents(request, response, {
      ...this.#options,
      waiting: this.#waiting,
      who: principal,
      mayPublish: (topic) => grant.mayPublish(topic),
    });
  }

  /** What a watcher without a WebSocket says. */
  async #heed(client: string, { principal }: Visitor, request: IncomingMessage, response: ServerResponse) {
    if (request.method !== 'POST')
      throw methodNotAllowed(`${eventsPath}/clients/${client}`, ['POST'], request.method);
    const text = await readText(request);
    this.#options.watchers.find(client, principal).heed(text);
    response.writeHead(202, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end('{"accepted":1}');
  }

  /** Throws who may not. */
  #visitor(request: IncomingMessage): Visitor {
    const { access, leaving } = this.#options;
    const refusal = access.refusal(request, 'caller');
    if (refusal) throw refusal;
    if (leaving.aborted) throw new GreenroomError('server_shutdown', 'the gateway is leaving');
    return { grant: TopicGrant.of(access, request), principal: access.principal(request) };
  }

  /** Throws what may not be watched. */
  #query(url: URL, { headers }: IncomingMessage, { grant }: Visitor): WatchQuery {
    const query = watchQuery(url, headers, grant.everything);
    const refusal = grant.mayWatch(query.interest.patterns);
    if (refusal) throw refusal;
    return query;
  }
}

const pipelined = () =>
  new GreenroomError(
    'invalid_request',
    'a stream of events is the first answer of its connection, or comes when all before it are done',
  );
/** Said outright, or nothing in particular, as `curl` does. */
const acceptsStream = (accept = '*/*'): boolean => /text\/event-stream|text\/\*|\*\/\*/i.test(accept);

const neither = () =>
  new GreenroomError(
    'upgrade_required',
    `${eventsPath} is watched by WebSocket (ws://) or as server-sent events (Accept: text/event-stream), and published on by POST`,
  );
