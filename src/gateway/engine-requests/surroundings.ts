// What all requests to engines share, and what is known of each from outside.
import type { Engine } from '../../engines/engine.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import type { GreenroomError } from '../../lifecycle/errors.ts';
import type { CloseReason } from '../../lifecycle/reasons.ts';
import type { SilenceLimits } from './engine-call.ts';
import type { ChoiceOptions } from './engine-choice.ts';
import type { Lobby } from './lobby.ts';
import type { WaitingBytes } from './waiting-bytes.ts';

export interface UnderWay {
  /** Which path, in one word. */
  readonly what: string;
  /** `delivering`: the engine has done its part, and the caller has not taken all of it. */
  readonly state: 'routing' | 'waiting' | 'answering' | 'delivering' | 'ended';
  /** The engine that it waits for or is answered by. */
  readonly engine: string | undefined;
  /** Ends it, and tells its caller why if he is still there. The first reason counts. */
  end(reason: CloseReason, cause?: GreenroomError): void;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly lobby: Lobby;
  readonly waiting: WaitingBytes;
  readonly mask: (text: string) => string;
  readonly choices: () => ChoiceOptions;
  /** Throws `not_found`. */
  readonly engine: (name: string) => Engine;
  readonly silence: (engine: string) => SilenceLimits;
  /** What went wrong, but for callers that left. */
  readonly onFailure: (request: UnderWay, error: GreenroomError) => void;
}
