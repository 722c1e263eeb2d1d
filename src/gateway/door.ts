// The listening socket. Opens before anything else of the gateway is there: what arrives early is parked and answered
// as soon as there is somebody to answer, never refused. Imports nothing heavy, on purpose.
//
//     parking ──attach()──▶ open ──stopAccepting()──▶ leaving ──close()──▶ closed
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ErrorBody, GreenroomError, messageOf } from '../lifecycle/errors.ts';

export interface DoorHandlers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

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
const headerBytesMax = 16 * 1024;

export class Door {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #parked: Parked[] = [];
  #handlers: Partial<DoorHandlers> = {};
  #state: 'parking' | 'open' | 'leaving' | 'closed' = 'parking';
  #address: DoorAddress | undefined;
  #closed: Promise<void> | undefined;

  constructor() {
    const options: ServerOptions & { shouldUpgradeCallback: (request: IncomingMessage) => boolean } = {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersMsMax,
      requestTimeout: requestMsMax,
      noDelay: true,
      // `Upgrade: h2c` and the like are offers that one may leave aside.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    };
    this.#server = createServer(options);
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('request', (request, response) => this.#request(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      // A raw socket has no error listener: a reset during an upgrade would end the process.
      socket.on('error', () => socket.destroy());
      this.#upgrade(request, socket, head);
    });
    this.#server.on('clientError', (error, socket) => answerBadRequest(error, socket));
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
    return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Requests and upgrades that wait for somebody to answer. */
  get parked(): number {
    return this.#parked.length;
  }

  /** Throws `listen_failed` with what to do about it. */
  listen({ host, port }: DoorAddress): Promise<DoorAddress> {
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => reject(listenFailure(error, host, port));
      this.#server.once('error', onError);
      this.#server.listen({ host, port, backlog: 1024 }, () => {
        this.#server.off('error', onError);
        this.#server.on('error', () => undefined);
        this.#address = { host, port: (this.#server.address() as AddressInfo).port };
        resolve(this.#address);
      });
    });
  }

  /** Somebody answers these from now on; what was parked for them is answered first, in order. */
  attach(handlers: Partial<DoorHandlers>): void {
    this.#handlers = { ...this.#handlers, ...handlers };
    if (this.#state === 'parking') this.#state = 'open';
    const parked = this.#parked;
    this.#parked = [];
    for (const entry of parked) {
      if (entry.type === 'request') this.#request(entry.request, entry.response);
      else this.#upgrade(entry.request, entry.socket, entry.head);
    }
  }

  /** No new connections. Those there are go on, and are told that it is over. */
  stopAccepting(): void {
    if (this.#state === 'leaving' || this.#state === 'closed') return;
    const nobody = new GreenroomError('server_shutdown', 'the gateway is leaving');
    for (const entry of this.#parked) refuse(entry, nobody);
    this.#parked = [];
    this.#state = 'leaving';
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  /** Ends every connection that is left. Returns how many. */
  terminateSockets(): number {
    const count = this.#sockets.size;
    for (const socket of this.#sockets) socket.destroy();
    return count;
  }

  /** Ends what is left. Every caller gets the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.stopAccepting();
    this.terminateSockets();
    const gone = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    await Promise.all(gone);
    if (this.#server.listening) await new Promise((resolve) => this.#server.once('close', resolve));
    this.#state = 'closed';
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    // Whoever is still connected while we leave should not come back on the same connection.
    if (this.#state === 'leaving') response.setHeader('connection', 'close');
    if (this.#handlers.request) this.#handlers.request(request, response);
    else this.#parked.push({ type: 'request', request, response });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#handlers.upgrade) this.#handlers.upgrade(request, socket, head);
    else this.#parked.push({ type: 'upgrade', request, socket, head });
  }
}

function refuse(entry: Parked, error: GreenroomError): void {
  if (entry.type === 'upgrade') return refuseUpgrade(entry.socket, error);
  entry.response.writeHead(error.httpStatus, { 'content-type': 'application/json', connection: 'close' });
  entry.response.end(JSON.stringify(error.toBody()));
}

/** Answers an upgrade with an HTTP error: the JSON body that every error has. */
export function refuseUpgrade(socket: Duplex, error: GreenroomError): void {
  answerRaw(socket, error.httpStatus, error.toBody());
}

function answerBadRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const limit = tooLarge
    ? `headers are over ${headerBytesMax} bytes`
    : late
      ? 'the request took too long'
      : messageOf(error);
  const { error: body } = new GreenroomError('invalid_request', limit).toBody();
  answerRaw(socket, tooLarge ? 431 : late ? 408 : 400, { error: body });
}

function answerRaw(socket: Duplex, status: number, body: ErrorBody): void {
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${status === 503 ? 'Service Unavailable' : 'Refused'}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): GreenroomError {
  const where = `${host}:${port}`;
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: `something else listens there (\`lsof -nP -iTCP:${port} -sTCP:LISTEN\` names it); stop it, or choose another address with --listen`,
    EACCES: 'this user may not listen there; ports below 1024 need privileges',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'the host name is not known',
  };
  const hint = hints[error.code ?? ''] ?? error.message;
  return new GreenroomError('listen_failed', `cannot listen on ${where}: ${hint}`, {
    cause: error,
    details: { host, port },
  });
}
