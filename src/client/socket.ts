// What the client needs of a WebSocket: the part that browsers, Node and `ws` have in common.

/** The fields of the events that are looked at; each implementation leaves some out. */
export interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly message?: unknown;
  readonly error?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
}

export type SocketEventType = 'open' | 'message' | 'error' | 'close';

export interface SocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** Of `ws`: ends the connection at once. Browsers and Node's own have nothing of the kind. */
  terminate?(): void;
  /** Of `ws`: reads no more until `resume`, so that the sender feels it. Browsers' have nothing of the kind. */
  pause?(): void;
  resume?(): void;
  addEventListener(type: SocketEventType, listener: (event: SocketEvent) => void): void;
  removeEventListener(type: SocketEventType, listener: (event: SocketEvent) => void): void;
}

export type SocketClass = new (url: string, protocols: string[]) => SocketLike;

/** `readyState` of an open socket. */
export const socketOpen = 1;
