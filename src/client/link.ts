// One socket, from its opening to its end, which is told exactly once. A connection has one after the other.
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { shownUrl } from './address.ts';
import type { ClientEvent } from './client-events.ts';
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
  /** Never before the constructor has returned. */
  readonly onClosed: (end: LinkEnd) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #socket: SocketLike | undefined;
  #state: 'alive' | 'ended' = 'alive';
  #error: SocketEvent | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { Socket, url, protocols } = options;
    try {
      this.#socket = new Socket(url, protocols);
    } catch (thrown) {
      // A page may not open `ws://` when it came by https, for one.
      const message = `${shownUrl(url)} cannot be opened: ${messageOf(thrown)}`;
      const error = new GreenroomError('gateway_unreachable', message, { cause: thrown });
      this.#error = { type: 'error', error };
      queueMicrotask(() => this.#onClose({ type: 'close' }));
      return;
    }
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.addEventListener('open', this.#onOpen);
    this.#socket.addEventListener('message', this.#onMessage);
    this.#socket.addEventListener('close', this.#onClose);
    // For good: a socket that is cut may still tell an error, and `ws` throws one that nobody listens to.
    this.#socket.addEventListener('error', this.#onError);
  }

  /** Whether what is sent now has a chance. */
  get ready(): boolean {
    return this.#state === 'alive' && this.#socket?.readyState === socketOpen;
  }

  /** Sent, and not left yet. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  send(event: ClientEvent): void {
    this.#socket?.send(JSON.stringify(event));
  }

  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  /** Ends it now. One that can be ended tells its end itself; of the others nothing is awaited. */
  cut(): void {
    if (this.#socket?.terminate) return this.#socket.terminate();
    this.#socket?.close();
    this.#onClose({ type: 'close' });
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
