// One caller's call, as the registry, its seat and everybody outside see it, whoever answers: engines of this gateway
// (`Session`) or an upstream (`BridgedSession`).
import type { JsonObject } from '../wire/json.ts';
import type { LongText } from '../wire/long-text.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { ClientFrame } from '../wire/text-frame.ts';
import type { SessionFacts } from './session-facts.ts';

export interface Call {
  readonly id: string;
  readonly conversationId: string;
  /** Whether its caller has asked to be able to come back. */
  readonly resumable: boolean;
  /** Whether there is so much to do that nothing more is to be handled. Whoever ends that lets its seat `read`. */
  readonly busy: boolean;
  /** Tells the caller what it has, and enters the lobby. */
  begin(): void;
  /** A frame: its text, or null for a binary one. */
  handle(text: string | LongText | null): void;
  /** A text in one frame: whether it is taken as it is. */
  handleFrame?(frame: ClientFrame): boolean;
  /** The caller had too much to take, and has not any more. */
  onRoom?(): void;
  /** Everything that there is to know of it, for a caller that has come back. */
  replay(): readonly (ServerEvent | JsonObject)[];
  /** Nobody is there; or somebody is again, and has been told what there is. */
  callerIs(where: 'away' | 'back'): void;
  /** Sends our own notice to a caller that asked for them. */
  notice(event: Extract<ServerEvent, { type: `greenroom.${string}` }>): void;
  facts(): SessionFacts;
}
