// The words of a connection's life: its states, what happens to it, and what is to be done then.
import type { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseRules, EndCause, Outage, ReconnectPolicy } from './retry.ts';

export type ConnectionState = 'connecting' | 'open' | 'reconnecting' | 'closing' | 'closed';

export interface CloseFacts {
  /** 1006 where there was no close frame. */
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

export interface ConnectionEnd extends CloseFacts {
  readonly cause: EndCause;
}

type Dial =
  | { readonly step: 'dialling'; readonly failure: GreenroomError | null }
  | { readonly step: 'asking' };

export type Life =
  | ({ readonly state: 'connecting' } & Dial)
  | {
      readonly state: 'open';
      /** `leaving`: the server has said goodbye, and the next one is waited for. */
      readonly step: 'serving' | 'leaving';
      readonly sinceMs: number;
      /** The one before: not over until the connection has held for a while. */
      readonly outage: Outage | null;
      /** When the server said it wants to see us again. */
      readonly hintMs: number | null;
    }
  | ({ readonly state: 'reconnecting'; readonly outage: Outage } & (Dial | { readonly step: 'waiting' }))
  /** `farewell`: the server has said goodbye and has the word. `facts`: known already, whatever the socket says. */
  | {
      readonly state: 'closing';
      readonly step: 'farewell' | 'answer' | 'cut';
      readonly cause: EndCause;
      readonly facts: CloseFacts | null;
    }
  | { readonly state: 'closed'; readonly end: ConnectionEnd };

export type LifeTimer = 'open' | 'retry' | 'grace' | 'farewell';

export type LifeEvent =
  | { readonly type: 'socket_opened' }
  /**
   * `known`: the socket itself could say why it did not open. `hintMs`: when it said it wants to see us again. `whose`:
   * it was not the connection's fault, and the outage before it is over.
   */
  | ({
      readonly type: 'socket_closed';
      readonly known?: GreenroomError | undefined;
      readonly hintMs?: number | null;
      readonly whose?: 'ours';
    } & CloseFacts)
  | { readonly type: 'explained'; readonly error: GreenroomError }
  /** `afresh`: it was held back by us, and the outage begins only now. */
  | { readonly type: 'timer'; readonly name: LifeTimer; readonly outage?: 'afresh' }
  | { readonly type: 'close'; readonly code: number; readonly reason: string }
  | { readonly type: 'shutdown_noticed'; readonly message: string; readonly retryMs: number | null };

export type LifeEffect =
  | { readonly type: 'dial' | 'ask' | 'stop_asking' }
  /** Ends it at once; its end is told all the same. */
  | { readonly type: 'cut_socket' }
  | { readonly type: 'close_socket'; readonly code: number; readonly reason: string }
  | { readonly type: 'timer'; readonly name: LifeTimer; readonly ms: number }
  | { readonly type: 'no_timer'; readonly name: LifeTimer }
  /** The first opening did not come about. */
  | { readonly type: 'reject'; readonly error: GreenroomError }
  /** The state has another word now. */
  | {
      readonly type: 'tell';
      readonly before: ConnectionState;
      readonly reason: string;
      readonly attempt: number | null;
      readonly retryMs: number | null;
    };

export interface LifeWorld extends CloseRules {
  readonly nowMs: number;
  /** 0 to 1. */
  readonly random: () => number;
  /** For messages. */
  readonly url: string;
  readonly reconnect: ReconnectPolicy | null;
  readonly openTimeoutMs: number;
  readonly closeGraceMs: number;
  /** How long a gateway that has said goodbye may take to close. */
  readonly farewellMs: number;
}
