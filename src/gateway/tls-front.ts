// TLS before the door: connections are accepted at once, also before the certificate has been read, and are handed on
// when their handshake is done. Who speaks plain HTTP is told so. Whoever opens one closes it by `terminate`, and by
// closing its listener.
import { createServer, type Server, type Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { refuseSocket } from './refusal.ts';

/** From the connection to the end of the handshake. */
const handshakeMsMax = 10_000;
/** RFC 8446, 5.1: the record type of a ClientHello. */
const handshakeRecord = 0x16;

export interface TlsFrontEvents {
  readonly onAccepted: (socket: Socket) => void;
  /** From here on it is no longer ours. */
  readonly onSecured: (socket: TLSSocket) => void;
}

export class TlsFront {
  /** Listens in place of the HTTP server. */
  readonly listener: Server;
  readonly #clock: Clock;
  readonly #events: TlsFrontEvents;
  /** From the connection until they are handed on, or gone. */
  readonly #waiting = new Set<Socket>();
  /** Of those, who has said hello before we could answer. */
  readonly #greeted = new Set<Socket>();
  #context: SecureContext | undefined;

  constructor(clock: Clock, events: TlsFrontEvents) {
    this.#clock = clock;
    this.#events = events;
    this.listener = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** Who waits for the longest. */
  get mostSilent(): Socket | undefined {
    return this.#waiting.values().next().value;
  }

  /** The certificate is there: answers those who wait for it. */
  secure(context: SecureContext): void {
    this.#context = context;
    const greeted = [...this.#greeted];
    this.#greeted.clear();
    for (const socket of greeted) this.#handshake(socket, context);
  }

  /** Ends those that are not handed on. Returns how many. */
  terminate(): number {
    const { size } = this.#waiting;
    for (const socket of this.#waiting) socket.destroy();
    return size;
  }

  #accept(socket: Socket): void {
    this.#waiting.add(socket);
    const late = this.#clock.after(handshakeMsMax, () => this.#waiting.has(socket) && socket.destroy(), {
      ref: false,
    });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      late.cancel();
      this.#waiting.delete(socket);
      this.#greeted.delete(socket);
    });
    const look = () => {
      const first = socket.read(1) as Buffer | null;
      if (!first) return;
      socket.off('readable', look);
      if (first[0] !== handshakeRecord) return refuseSocket(socket, plainHttp());
      socket.unshift(first);
      if (this.#context) this.#handshake(socket, this.#context);
      else this.#greeted.add(socket);
    };
    socket.on('readable', look);
    this.#events.onAccepted(socket);
  }

  #handshake(raw: Socket, secureContext: SecureContext): void {
    const socket = new TLSSocket(raw, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => raw.destroy());
    socket.once('secure', () => {
      this.#waiting.delete(raw);
      this.#events.onSecured(socket);
    });
  }
}

const plainHttp = () =>
  new GreenroomError('invalid_request', 'this door speaks TLS: connect with https:// or wss://');
