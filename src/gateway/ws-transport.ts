// A session's connection over a WebSocket. What is short goes to the socket below `ws` as one whole frame, in one write:
// `ws` gives it head and body apart, which costs more than the copy.
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Transport, TransportHandlers } from '../sessions/transport.ts';
import { FrameTap } from '../wire/frame-tap.ts';
import { LongText, longBytesMin } from '../wire/long-text.ts';
import { ClientFrame, type WireText } from '../wire/text-frame.ts';
import { writeFrame, writeOut } from '../wire/write-out.ts';

/** As many bytes as fit a frame's head of four. */
const shortBytesMax = 65_535;

export class WsTransport implements Transport {
  readonly remote: string;
  readonly #socket: WebSocket;
  readonly #below: Duplex;
  readonly #frameBytesMax: number;

  /** `below`: the connection that the WebSocket was made on; without compression nothing of it waits in between. */
  constructor(socket: WebSocket, below: Duplex, remote: string, frameBytesMax = 0) {
    this.#frameBytesMax = frameBytesMax;
    this.#socket = socket;
    this.#below = below;
    this.remote = remote;
    // Errors of the protocol or the connection end in `close`, which is told.
    socket.on('error', () => undefined);
  }

  listen(handlers: TransportHandlers): void {
    const socket = this.#socket;
    const { frame: take } = handlers;
    const tap = new FrameTap(
      ClientFrame.read,
      (frame) => {
        handlers.alive('any');
        return socket.readyState === socket.OPEN && (take?.(frame) ?? false);
      },
      {
        bytesMax: this.#frameBytesMax,
        take: (text) => {
          handlers.alive('any');
          if (socket.readyState === socket.OPEN) handlers.text(text);
        },
      },
    );
    tap.attach(socket);
    socket.on('message', (data: RawData, isBinary: boolean) => {
      handlers.alive('any');
      if (isBinary) handlers.binary();
      else handlers.text(textOf(data));
    });
    socket.on('pong', () => handlers.alive('pong'));
    socket.on('ping', () => handlers.alive('any'));
    if (socket.readyState === socket.CLOSED) queueMicrotask(() => handlers.closed(1006, ''));
    else socket.once('close', (code, reason) => handlers.closed(code, reason.toString()));
  }

  send(text: WireText, onFlushed: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return onFlushed();
    if (typeof text !== 'string') return writeFrame(this.#below, text, onFlushed);
    const bytes = text.length > shortBytesMax ? text.length : Buffer.byteLength(text);
    if (bytes > shortBytesMax) this.#socket.send(text, onFlushed);
    else writeOut(this.#below, textFrame(text, bytes), onFlushed);
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

/** `ws` has joined it where it came in pieces. */
function textOf(data: RawData): string | LongText {
  return data instanceof Buffer && data.length > longBytesMin ? new LongText([data]) : data.toString();
}

/** A final text frame of a server's (RFC 6455, 5.2): not masked. */
function textFrame(text: string, bytes: number): Buffer {
  const head = bytes < 126 ? 2 : 4;
  const frame = Buffer.allocUnsafe(head + bytes);
  frame[0] = 0x81;
  if (head === 2) frame[1] = bytes;
  else {
    frame[1] = 126;
    frame.writeUInt16BE(bytes, 2);
  }
  frame.write(text, head);
  return frame;
}
