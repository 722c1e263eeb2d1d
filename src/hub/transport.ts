// A watcher's connection, as the hub sees it: a WebSocket, server-sent events, or memory. It never waits: whether more
// can be given is asked before, and told after.
import type { Form } from './frames.ts';

export interface TransportHandlers {
  /** All that was given has been taken. */
  drained(): void;
  /** The answer to a probe. */
  answered(probe: string): void;
  /** Once, whoever ended it. */
  closed(): void;
}

/** How it ends, from our side. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
  /** The last bytes, also while it is full: nothing comes after them. */
  readonly bye: Buffer | undefined;
}

export interface Transport {
  readonly form: Form;
  /** Address and port of the other end. */
  readonly remote: string;
  /** Bytes that were given and not taken yet. */
  readonly pendingBytes: number;
  /** Nothing more may be given until it has drained. */
  readonly full: boolean;
  /** Whether probes are answered. */
  readonly answers: boolean;
  listen(handlers: TransportHandlers): void;
  give(bytes: Buffer): void;
  /** Asks for an answer that says that what was given before has come. Not while it is full. */
  probe(probe: string): void;
  /** A sign of life that asks for nothing. Not while it is full. */
  keepalive(): void;
  close(closing: Closing): void;
  terminate(): void;
}
