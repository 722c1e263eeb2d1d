// One caller's call, as the registry and everybody outside see it, whoever answers: engines of this gateway (`Session`)
// or an upstream (`BridgedSession`).

import type { LongText } from '../wire/long-text.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { ClientFrame } from '../wire/text-frame.ts';
import type { SessionFacts } from './session-facts.ts';

export interface Call {
  readonly id: string;
  /** Tells the caller what it has, and enters the lobby. */
  begin(): void;
  /** A frame: its text, or null for a binary one. */
  receive(text: string | LongText | null): void;
  /** A text in one frame: whether it is taken as it is. */
  receiveFrame?(frame: ClientFrame): boolean;
  /** Anything has come from the caller; `pong`: it has read as far as our last ping. */
  alive(sign: 'any' | 'pong'): void;
  /** Sends our own notice to a caller that asked for them. */
  notice(event: Extract<ServerEvent, { type: `greenroom.${string}` }>): void;
  facts(): SessionFacts;
}
