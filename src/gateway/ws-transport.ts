// A session's connection over a WebSocket.
import type { RawData, WebSocket } from 'ws';
import type { Transport, TransportHandlers } from '../sessions/transport.ts';

export class WsTransport implements Transport {
  readonly remote: string;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, remote: string) {
    this.#socket = socket;
    this.remote = remote;
    // Errors of the protocol or the connection end in `close`, which is told.
    socket.on('error', () => undefined);
  }

  listen(handlers: TransportHandlers): void {
    const socket = this.#socket;
    socket.on('message', (data: RawData, isBinary: boolean) => {
      handlers.alive('any');
      if (isBinary) handlers.binary();
      else handlers.text(data.toString());
    });
    socket.on('pong', () => handlers.alive('pong'));
    socket.on('ping', () => handlers.alive('any'));
    if (socket.readyState === socket.CLOSED) queueMicrotask(() => handlers.closed(1006, ''));
    else socket.once('close', (code, reason) => handlers.closed(code, reason.toString()));
  }

  send(text: string, onFlushed: () => void): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text, onFlushed);
    else onFlushed();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  close(code: number, reason: string): void {
    // The peer's own close frame has to be read.
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}
