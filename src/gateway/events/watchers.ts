// Those who watch over `/v1/events`, over a WebSocket or as server-sent events: let in, heard, found by their names.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { Form } from '../../hub/frames.ts';
import type { Hub } from '../../hub/hub.ts';
import { Intake } from '../../hub/intake.ts';
import type { Producer, Producers } from '../../hub/producers.ts';
import type { Subscriber } from '../../hub/subscriber.ts';
import type { Policy } from '../../hub/subscriber-world.ts';
import type { Transport } from '../../hub/transport.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { EventStreamConnection } from './event-stream-connection.ts';
import type { FairTurns } from './fair-turns.ts';
import type { TopicGrant } from './topic-grant.ts';
import type { WatchQuery } from './watch-query.ts';
import { WatcherInbox } from './watcher-inbox.ts';
import { heed } from './watcher-requests.ts';
import { WebSocketConnection } from './web-socket-connection.ts';

export interface WatchersOptions {
  readonly clock: Clock;
  /** What everybody publishes on. */
  readonly hub: Hub;
  /** The gateway's own. */
  readonly own: Hub;
  readonly producers: Producers;
  readonly policy: Policy;
  /** When what watchers say is heeded. */
  readonly turns: FairTurns;
}

/** Who it is: what it may, and whom it may be taken for. */
export interface Visitor {
  readonly grant: TopicGrant;
  readonly principal: string;
}

export interface Watcher extends Visitor {
  readonly hub: Hub;
  readonly subscriber: Subscriber;
  readonly heed: (text: string) => void;
}

/** An event of 1 MiB, and what is around it. */
const messageBytesMax = 1024 * 1024 + 4096;
/** Then who has not answered our close is ended. */
const closeTimeoutMs = 1000;

export class Watchers {
  readonly #options: WatchersOptions;
  readonly #server: WebSocketServer;
  /** By whose they are and their names; of those with the same, the last one that came is the last. */
  readonly #named = new Map<string, Watcher[]>();

  constructor(options: WatchersOptions) {
    this.#options = options;
    const serverOptions: ServerOptions & { closeTimeout: number } = {
      ...{ noServer: true, clientTracking: false, perMessageDeflate: false },
      maxPayload: messageBytesMax,
      closeTimeout: closeTimeoutMs,
      // Browsers refuse an answer without the subprotocol they offered. Never the one that carries the key.
      handleProtocols: (offered) =>
        offered.has('greenroom') ? 'greenroom' : offered.has('realtime') && 'realtime',
    };
    this.#server = new WebSocketServer(serverOptions);
  }

  upgrade(
    visit: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
    query: WatchQuery,
    visitor: Visitor,
  ): void {
    const { request, socket, head } = visit;
    const remote = `${request.socket.remoteAddress ?? 'unknown'}:${request.socket.remotePort ?? 0}`;
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      this.#seat(webSocket, { socket, remote }, query, visitor),
    );
  }

  /** Apart from `upgrade`, since what is kept for as long as the watcher is there would keep its request as well. */
  #seat(
    webSocket: WebSocket,
    { socket, remote }: { readonly socket: Duplex; readonly remote: string },
    query: WatchQuery,
    visitor: Visitor,
  ): void {
    const form: Form = query.envelope === 'bare' ? 'websocket-bare' : 'websocket';
    let watcher: Watcher | undefined;
    const inbox = new WatcherInbox(this.#options.turns, (text) => watcher?.heed(text), webSocket);
    const onText = (text: string) => inbox.push(text);
    webSocket.once('close', () => inbox.close());
    watcher = this.#watch(new WebSocketConnection(webSocket, socket, form, remote, onText), query, visitor);
  }

  stream(response: ServerResponse, socket: Socket, query: WatchQuery, visitor: Visitor): void {
    const form: Form = query.envelope === 'bare' ? 'sse-bare' : 'sse';
    this.#watch(new EventStreamConnection(response, socket, form, this.#options.clock), query, visitor);
  }

  onInvalidHandshake(listener: (socket: Duplex, reason: string) => void): void {
    this.#server.on('wsClientError', ({ message }, socket) => listener(socket, message));
  }

  /** Throws `not_found`, also for one that is another's. */
  find(client: string, principal: string): Watcher {
    const watcher = this.#named.get(nameOf(principal, client))?.at(-1);
    if (watcher) return watcher;
    throw new GreenroomError(
      'not_found',
      `no watcher is called ${client.slice(0, 64)}: it has left, or is not yours`,
    );
  }

  #watch(transport: Transport, query: WatchQuery, visitor: Visitor): Watcher {
    const { hub: open, own, policy } = this.#options;
    const { interest, since, snapshot, told, pings } = query;
    const hub = interest.reserved ? own : open;
    const client = query.client ?? `watch_${randomBytes(12).toString('hex')}`;
    const given = { interest, since, snapshot, told, pings, policy: query.policy ?? policy };
    const name = nameOf(visitor.principal, client);
    let producer: Producer | undefined;
    let state: 'here' | 'gone' = 'here';
    const leave = () => {
      state = 'gone';
      producer?.left();
      const left = (this.#named.get(name) ?? []).filter((other) => other !== watcher);
      if (left.length > 0) this.#named.set(name, left);
      else this.#named.delete(name);
    };
    const { grant, principal } = visitor;
    const subscriber = hub.watch({ client, principal, transport, onClosed: leave, ...given });
    const intake = () => {
      const { remote } = transport;
      producer ??= this.#options.producers.open({ kind: 'websocket', remote });
      // What it said before it left may be heeded after it.
      if (state === 'gone') producer.left();
      return new Intake({
        // Also of who watches the gateway's own events: nobody publishes among those.
        hub: open,
        producer,
        mayPublish: (topic) => grant.mayPublish(topic),
      });
    };
    let made: Intake | undefined;
    const { reserved } = interest;
    const context = { hub, subscriber, grant, reserved, intake: () => (made ??= intake()) };
    const watcher: Watcher = { ...visitor, hub, subscriber, heed: (text) => heed(text, context) };
    this.#named.set(name, [...(this.#named.get(name) ?? []), watcher]);
    return watcher;
  }
}

const nameOf = (principal: string, client: string): string => `${principal} ${client}`;
