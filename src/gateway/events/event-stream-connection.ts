// A watcher's server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), written to the socket
// below the response: without chunks, its end is the end of the connection.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Form } from '../../hub/frames.ts';
import type { Closing, Transport, TransportHandlers } from '../../hub/transport.ts';
import type { Clock } from '../../lifecycle/clock.ts';

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // Asks nginx not to gather what is to come at once.
  'x-accel-buffering': 'no',
  connection: 'close',
};
const comment = Buffer.from(':\n\n');
const closeGraceMs = 1000;

export class EventStreamConnection implements Transport {
  readonly form: Form;
  readonly remote: string;
  readonly answers = false;
  readonly #socket: Socket;
  readonly #clock: Clock;

  /** Begins the answer. */
  constructor(response: ServerResponse, socket: Socket, form: Form, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.form = form;
    this.remote = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    response.writeHead(200, headers);
    response.flushHeaders();
    socket.on('error', () => undefined);
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  get full(): boolean {
    return this.#socket.writableNeedDrain || !this.#socket.writable;
  }

  listen({ drained, closed }: TransportHandlers): void {
    this.#socket.on('drain', drained);
    if (this.#socket.destroyed) queueMicrotask(closed);
    else this.#socket.once('close', closed);
  }

  give(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  probe(): void {
    // Nothing can be asked: `answers` says so.
  }

  keepalive(): void {
    this.give(comment);
  }

  /** Code and reason are in what goes last. */
  close({ bye }: Closing): void {
    const late = this.#clock.after(closeGraceMs, () => this.#socket.destroy(), { ref: false });
    this.#socket.once('close', () => late.cancel());
    this.#socket.end(bye ?? '');
  }

  terminate(): void {
    this.#socket.destroy();
  }
}
