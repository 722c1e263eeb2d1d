// One socket, from its opening to its end, which is told exactly once. A connection has one after the other.
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { shownUrl } from './address.ts';
import { type SocketClass, type SocketEvent, type SocketLike, socketOpen } from './socket.ts';

export interface LinkEnd {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  /** The socket itself could say why it did not open. */
  readonly known: GreenroomError | undefined;
  /** What else the socket said. */
  readonly hint: string;
}

export interface LinkOptions {
  readonly Socket: SocketClass;
  readonly url: string;
  readonly protocols: string[];
  readonly onOpened: () => void;
  readonly onMessage: (data: unknown) => void;
  /** Never from within a call of ours, the constructor above all. */
  readonly onClosed: (end: LinkEnd) => void;
}

export class Link {
  readonly #options: LinkOptions;
  #socket: SocketLike | undefined;
  /** `failed`: its end is about to be told. */
  #state: 'alive' | 'failed' | 'ended' = 'alive';
  #error: SocketEvent | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { Socket, url, protocols } = options;
    // A page may not open `ws://` when it came by https, for one.
    this.#attempt('cannot be opened', () => {
      const socket = new Socket(url, protocols);
      this.#socket = socket;
      socket.binaryType = 'arraybuffer';
      // For good: a socket that is cut may still tell an error, and `ws` throws one that nobody listens to.
      socket.addEventListener('error', this.#onError);
      socket.addEventListener('open', this.#onOpen);
      socket.addEventListener('message', this.#onMessage);
      socket.addEventListener('close', this.#onClose);
    });
  }

  /** Whether what is sent now has a chance. */
  get ready(): boolean {
    return this.#state === 'alive' && this.#socket?.readyState === socketOpen;
  }

  /** Whether it can be asked to read no more for a while. */
  get pausable(): boolean {
    return this.#socket?.pause !== undefined && this.#socket.resume !== undefined;
  }

  pause(): void {
    this.#attempt('cannot be paused', () => this.#socket?.pause?.());
  }

  resume(): void {
    this.#attempt('cannot be resumed', () => this.#socket?.resume?.());
  }

  /** Sent, and not left yet. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** An event, as JSON. */
  send(json: string): void {
    if (this.#state === 'alive') this.#attempt('cannot be sent to', () => this.#socket?.send(json));
  }

  /** What a close frame has no room for is left out of the reason. */
  close(code: number, reason: string): void {
    this.#attempt('cannot be closed', () => this.#socket?.close(code, fitting(reason)));
  }

  /** Ends it now. One that can be ended tells its end itself; of the others nothing is awaited. */
  cut(): void {
    this.#attempt('cannot be ended', () => this.#end());
    if (!this.#socket?.terminate) this.#endSoon('');
  }

  /** The socket is not ours: one that throws has ended, and what it threw is the reason. */
  #attempt(what: string, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      if (this.#state !== 'alive') return;
      const message = `${shownUrl(this.#options.url)} ${what}: ${messageOf(thrown)}`;
      const error = new GreenroomError('gateway_unreachable', message, { cause: thrown });
      this.#error = { type: 'error', error };
      this.#endSoon(message);
      // It may be open still.
      this.#attempt('cannot be ended', () => this.#end());
    }
  }

  #end(): void {
    if (this.#socket?.terminate) this.#socket.terminate();
    else this.#socket?.close();
  }

  #endSoon(reason: string): void {
    if (this.#state === 'alive') this.#state = 'failed';
    queueMicrotask(() => this.#onClose({ type: 'close', reason }));
  }

  readonly #onOpen = () => {
    if (this.#state === 'alive') this.#options.onOpened();
  };

  readonly #onMessage = ({ data }: SocketEvent) => {
    if (this.#state === 'alive') this.#options.onMessage(data);
  };

  readonly #onError = (event: SocketEvent) => {
    this.#error ??= event;
  };

  readonly #onClose = ({ code = 1006, reason = '', wasClean = false }: SocketEvent) => {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#socket?.removeEventListener('open', this.#onOpen);
    this.#socket?.removeEventListener('message', this.#onMessage);
    this.#socket?.removeEventListener('close', this.#onClose);
    const { error, message } = this.#error ?? {};
    const known = error instanceof GreenroomError ? error : undefined;
    const hint = typeof message === 'string' ? message : '';
    this.#options.onClosed({ code, reason, wasClean, known, hint });
  };
}

/** Of a reason, in a close frame (RFC 6455, 5.5). */
const reasonBytesMax = 123;

/** As much as there is room for, in whole characters. */
function fitting(reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(reasonBytesMax));
  return reason.slice(0, read);
}
