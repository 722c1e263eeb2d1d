// A watcher's WebSocket. What goes out is framed already and is written to the socket below, whole frames only, which
// is where `ws` writes its own. https://github.com/websockets/ws
import { isUtf8 } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Form } from '../../hub/frames.ts';
import type { Closing, Transport, TransportHandlers } from '../../hub/transport.ts';

export class WebSocketConnection implements Transport {
  readonly form: Form;
  readonly remote: string;
  readonly answers = true;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;

  /** @param onText what the watcher says */
  constructor(
    webSocket: WebSocket,
    socket: Duplex,
    form: Form,
    remote: string,
    onText: (text: string) => void,
  ) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.form = form;
    this.remote = remote;
    // Errors of the protocol or the connection end in `close`, which is told.
    webSocket.on('error', () => undefined);
    // Binary or text: what it says is JSON. Of text `ws` knows that it is UTF-8.
    webSocket.on('message', (data: Buffer, isBinary) => {
      if (isBinary && !isUtf8(data)) webSocket.close(1007, 'a message is JSON, and this is not UTF-8');
      else onText(data.toString());
    });
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  get full(): boolean {
    return this.#socket.writableNeedDrain || !this.#socket.writable;
  }

  listen({ drained, answered, closed }: TransportHandlers): void {
    this.#socket.on('drain', drained);
    this.#webSocket.on('pong', (data: Buffer) => answered(data.toString()));
    if (this.#webSocket.readyState === this.#webSocket.CLOSED) queueMicrotask(closed);
    else this.#webSocket.once('close', closed);
  }

  give(bytes: Buffer): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#socket.write(bytes);
  }

  probe(probe: string): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping(probe);
  }

  keepalive(): void {
    this.probe('');
  }

  /** Who does not answer is ended by `ws` after the server's `closeTimeout`. */
  close({ code, reason, bye }: Closing): void {
    // In one write: of thousands of watchers that leave at a time each write counts.
    this.#socket.cork();
    if (bye) this.give(bye);
    this.#webSocket.close(code, reason);
    this.#socket.uncork();
  }

  terminate(): void {
    this.#webSocket.terminate();
  }
}
