// One caller's connection, as a session sees it. Real ones are WebSockets; tests and simulations bring their own.

import type { LongText } from '../wire/long-text.ts';
import type { ClientFrame, WireText } from '../wire/text-frame.ts';

export interface TransportHandlers {
  /** A text; a `LongText` from 1 MiB on. */
  readonly text: (text: string | LongText) => void;
  /** A whole text in one frame, before it is made a text of. False: it is to come as a text. */
  readonly frame?: (frame: ClientFrame) => boolean;
  /** A binary frame: the Realtime wire has none. */
  readonly binary: () => void;
  /** Anything arrived: the peer lives. `pong`: it has read everything that was sent before the ping. */
  readonly alive: (sign: 'any' | 'pong') => void;
  /** Told once, whoever closed it. */
  readonly closed: (code: number, reason: string) => void;
}

export interface Transport {
  readonly remote: string;
  /** From now on; what arrived before is given at once, in order. */
  listen(handlers: TransportHandlers): void;
  /** `onFlushed` runs when the text has left for the kernel, or never will. */
  send(text: WireText, onFlushed: () => void): void;
  /** Reads nothing more from the peer, until `resume`. A close resumes. */
  pause(): void;
  resume(): void;
  ping(): void;
  /** Sends a close frame; what was sent before still arrives. */
  close(code: number, reason: string): void;
  /** Ends the connection at once. */
  terminate(): void;
}
