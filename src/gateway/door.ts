// The listening socket. Opens before anything else of the gateway is there: what arrives early is parked and answered
// as soon as there is somebody to answer. What is no proper request is refused here. Imports nothing heavy, on purpose.
//
//     parking ──attach()──▶ open ──stopAccepting()──▶ leaving ──close()──▶ closed
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, type Socket, Server as TcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { type Clock, systemClock, turn } from '../lifecycle/clock.ts';
import { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { Connections } from './connections.ts';
import { listenFailure } from './listen-failure.ts';
import { headerBytesMax, methodNotAllowed, refuseRequest, refuseSocket, unreadable } from './refusal.ts';
import { headProblem, isForSurface } from './request-head.ts';
import { TlsFront } from './tls-front.ts';

export interface DoorHandlers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** `tls`: connections wait for `secure()`. */
export type DoorSecurity = 'plain' | 'tls';

export interface DoorAddress {
  readonly host: string;
  readonly port: number;
}

type Parked =
  | { readonly type: 'request'; readonly request: IncomingMessage; readonly response: ServerResponse }
  | {
      readonly type: 'upgrade';
      readonly request: IncomingMessage;
      readonly socket: Duplex;
      readonly head: Buffer;
    };

const headersMsMax = 10_000;
const requestMsMax = 300_000;
const timesLookedAtMs = 1000;
/** Further ones are asked to come again. */
const parkedMax = 1000;
/** Beyond this, who has said nothing for the longest makes room. */
const connectionsMaxDefault = 10_000;
/** Somebody who connects again and again must not keep us from leaving. */
const acceptMsMax = 500;

export class Door {
  readonly security: DoorSecurity;
  readonly #server: Server;
  readonly #front: TlsFront | undefined;
  readonly #clock: Clock;
  readonly #connections: Connections;
  readonly #parked = new Set<Parked>();
  #handlers: Partial<DoorHandlers> = {};
  #state: 'parking' | 'open' | 'leaving' | 'closed' = 'parking';
  #connectionsMax = connectionsMaxDefault;
  #address: DoorAddress | undefined;
  #stopped: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(security: DoorSecurity = 'plain', clock: Clock = systemClock) {
    this.security = security;
    this.#clock = clock;
    this.#connections = new Connections(clock);
    const options: ServerOptions & { shouldUpgradeCallback: (request: IncomingMessage) => boolean } = {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersMsMax,
      requestTimeout: requestMsMax,
      connectionsCheckingInterval: timesLookedAtMs,
      // Checked here instead, with an answer like every other.
      requireHostHeader: false,
      noDelay: true,
      // `Upgrade: h2c` and the like are offers that one may leave aside.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    };
    this.#server = createServer(options);
    if (security === 'tls') {
      this.#front = new TlsFront(clock, {
        onAccepted: (socket) => this.#makeRoom(socket),
        onSecured: (socket) => void this.#server.emit('connection', socket),
      });
      // It never listens itself, and would not look after the time of its requests.
      this.#front.listener.once('listening', () => this.#server.emit('listening'));
    }
    this.#server.on('connection', (socket) => {
      this.#connections.add(socket);
      this.#makeRoom(socket);
      socket.on('close', () => this.#unpark(socket));
    });
    this.#server.on('request', (request, response) => this.#request(request, response));
    this.#server.on('checkContinue', (request, response) => this.#request(request, response));
    this.#server.on('checkExpectation', (request, response) => refuseExpectation(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('connect', (_, socket) => refuseConnect(socket));
    this.#server.on('clientError', (error, socket) => {
      if (socket.writable && !isReset(error)) refuseSocket(socket, unreadable(error));
      else socket.destroy();
    });
  }

  get state(): 'parking' | 'open' | 'leaving' | 'closed' {
    return this.#state;
  }

  /** Where it really listens (port 0 has become a number). */
  get address(): DoorAddress {
    if (!this.#address) throw new GreenroomError('internal_error', 'the door does not listen yet');
    return this.#address;
  }

  get url(): string {
    const { host, port } = this.address;
    const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    const scheme = this.security === 'tls' ? 'https' : 'http';
    return `${scheme}://${shown.includes(':') ? `[${shown}]` : shown}:${port}`;
  }

  /** Handshakes under way included. */
  get connections(): number {
    return this.#connections.count + (this.#front?.count ?? 0);
  }

  /** Requests and upgrades that wait for somebody to answer. */
  get parked(): number {
    return this.#parked.size;
  }

  /** Throws `listen_failed` with what to do about it. */
  listen({ host, port }: DoorAddress): Promise<DoorAddress> {
    return new Promise((resolve, reject) => {
      const listener = this.#listener;
      const onError = (error: NodeJS.ErrnoException) =>
        void named(error, { host, port }).then((holder) => reject(listenFailure(error, host, port, holder)));
      listener.once('error', onError);
      listener.listen({ host, port, backlog: 1024 }, () => {
        listener.off('error', onError);
        listener.on('error', () => undefined);
        this.#address = { host, port: (listener.address() as AddressInfo).port };
        resolve(this.#address);
      });
    });
  }

  /** Connections at a time. Default 10,000. */
  limit(connectionsMax: number): void {
    this.#connectionsMax = connectionsMax;
  }

  /** The certificate and key of a door with TLS; again when they are renewed. */
  secure(context: SecureContext): void {
    this.#front?.secure(context);
  }

  /** Somebody answers these from now on; what was parked for them is answered first, in order. */
  attach(handlers: Partial<DoorHandlers>): void {
    this.#handlers = { ...this.#handlers, ...handlers };
    if (this.#state === 'parking') this.#state = 'open';
    const parked = [...this.#parked];
    this.#parked.clear();
    for (const entry of parked) this.#answer(entry);
  }

  /** No new connections. Those there are go on, and are told that it is over. Every caller gets the same promise. */
  stopAccepting(): Promise<void> {
    this.#stopped ??= this.#stopAccepting();
    return this.#stopped;
  }

  /** After `stopAccepting`: resolves when everybody who has asked something has the answer, or at the deadline. */
  async answered(deadline: Deadline): Promise<void> {
    await this.#stopped;
    await this.#connections.quiet(deadline);
  }

  /** Ends every connection that is left. Returns how many. */
  terminateSockets(): number {
    return this.#connections.terminate() + (this.#front?.terminate() ?? 0);
  }

  /** Ends what is left. Every caller gets the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  get #listener(): TcpServer {
    return this.#front?.listener ?? this.#server;
  }

  async #stopAccepting(): Promise<void> {
    this.#state = 'leaving';
    const parked = [...this.#parked];
    this.#parked.clear();
    for (const entry of parked) refuse(entry, leaving());
    // To the peer it is connected as soon as the system says so, and we are given one connection a turn: those behind
    // it would be reset. Two turns without one, and there are none.
    let quietTurns = 0;
    for (const limit = new Deadline(this.#clock, acceptMsMax); quietTurns < 2 && !limit.expired; ) {
      const { accepted } = this.#connections;
      await turn(this.#clock);
      quietTurns = this.#connections.accepted === accepted ? quietTurns + 1 : 0;
    }
    // As TCP only: HTTP's own close would end whoever has connected and not asked yet.
    TcpServer.prototype.close.call(this.#listener);
  }

  async #close(): Promise<void> {
    await this.stopAccepting();
    this.terminateSockets();
    await this.#connections.gone();
    this.#server.close();
    this.#state = 'closed';
  }

  /** Silent connections are free to open and to hold: they must not keep out who has something to say. */
  #makeRoom(newcomer: Socket): void {
    if (this.connections <= this.#connectionsMax) return;
    const silent = this.#front?.mostSilent ?? this.#connections.mostSilent;
    if (silent && silent !== newcomer) return void silent.destroy();
    const message = `${this.#connectionsMax} connections are open, all of them in use; come again in a second`;
    if (this.security === 'tls') newcomer.destroy();
    else refuseSocket(newcomer, new GreenroomError('connections_full', message));
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    this.#connections.heard(request.socket, response);
    // Whoever is still connected while we leave should not come back on the same connection.
    if (this.#state === 'leaving') response.setHeader('connection', 'close');
    const problem = headProblem(request);
    if (problem) return refuseRequest(response, problem);
    if (request.headers.expect !== undefined && !isForSurface(request)) response.writeContinue();
    this.#answer({ type: 'request', request, response });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#connections.heard(request.socket);
    // A raw socket has no error listener: a reset during an upgrade would end the process.
    socket.on('error', () => socket.destroy());
    const problem = headProblem(request);
    if (problem) return refuseSocket(socket, problem);
    this.#answer({ type: 'upgrade', request, socket, head });
  }

  #answer(entry: Parked): void {
    const { request, upgrade } = this.#handlers;
    if (entry.type === 'request' && request) request(entry.request, entry.response);
    else if (entry.type === 'upgrade' && upgrade) upgrade(entry.request, entry.socket, entry.head);
    else this.#park(entry);
  }

  #park(entry: Parked): void {
    if (this.#state === 'leaving' || this.#state === 'closed') return refuse(entry, leaving());
    if (this.#parked.size < parkedMax) return void this.#parked.add(entry);
    const message = `${parkedMax} requests wait already until the gateway has started; come again in a second`;
    refuse(entry, new GreenroomError('server_starting', message, { details: { parked: parkedMax } }));
  }

  /** Whoever has left waits no more. */
  #unpark(socket: Duplex): void {
    for (const entry of this.#parked) if (entry.request.socket === socket) this.#parked.delete(entry);
  }
}

const leaving = () => new GreenroomError('server_shutdown', 'the gateway is leaving');

const isReset = ({ code }: Error & { readonly code?: string }): boolean => code === 'ECONNRESET';

function refuse(entry: Parked, error: GreenroomError): void {
  if (entry.type === 'upgrade') refuseSocket(entry.socket, error);
  else refuseRequest(entry.response, error);
}

function refuseExpectation({ headers }: IncomingMessage, response: ServerResponse): void {
  const message = `the only expectation that is met is 100-continue, not ${headers.expect}`;
  refuseRequest(response, new GreenroomError('expectation_failed', message));
}

function refuseConnect(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  refuseSocket(socket, methodNotAllowed('this gateway', ['GET', 'HEAD', 'POST'], 'CONNECT: it is no proxy'));
}

/** Who has the address, which takes modules and a look around that a door that opens has no time for. */
async function named(error: NodeJS.ErrnoException, address: DoorAddress): Promise<string | undefined> {
  if (error.code !== 'EADDRINUSE') return undefined;
  const { addressHolder } = await import('./listen-holder.ts');
  return addressHolder(address).catch(() => undefined);
}
