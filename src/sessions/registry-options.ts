// What a registry of sessions is given, and what it tells: of all sessions, and of each.
import type { Decoders } from '../audio/decoding/decoders.ts';
import type { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { TaskDesk } from '../tasks/task-desk.ts';
import type { Log } from '../telemetry/log.ts';
import type { SessionUpdate } from '../wire/client-schema.ts';
import type { NewId } from '../wire/ids.ts';
import type { Call } from './call.ts';
import type { EnterGeneration } from './generation-place.ts';
import type { AnyPipeline } from './open-call.ts';
import type { SessionRecords } from './records.ts';
import type { Caller } from './seat.ts';
import type { SessionLimits } from './session-options.ts';
import type { OpenTape } from './tape.ts';

export interface SessionChange {
  readonly id: string;
  /** `away`: its caller was lost, and may come back. `replaced`: it did while the connection before was still there. */
  readonly type: 'opened' | 'away' | 'resumed' | 'replaced' | 'closed';
  readonly pipeline: string;
  readonly reason: CloseReason | null;
}

export interface RegistryOptions {
  readonly scope: Scope;
  readonly log: Log;
  readonly limits: SessionLimits;
  readonly sessionsMax: number;
  readonly earlyAudioBytesMax: number;
  readonly records: SessionRecords;
  /** Default: one that keeps nothing. */
  readonly tasks?: TaskDesk;
  /** Default: nothing is recorded. */
  readonly openTape?: OpenTape;
  /** Default: what callers send as WebM/Opus is refused. */
  readonly decoders?: Pick<Decoders, 'open'>;
  readonly newId: NewId;
  readonly random: () => number;
}

export interface SessionRequest extends Caller {
  readonly pipeline: AnyPipeline;
  /** Whose it is: only they may come back to it. Default: everybody is the same. */
  readonly principal?: string;
  /** The conversation that its caller wants to come back to. Default: a new one. */
  readonly conversationId?: string | null;
  /** What the session begins with, beside what its pipeline says. */
  readonly preset?: SessionUpdate | null;
  /** Default: its pipeline has no generations. */
  readonly enter?: EnterGeneration;
}

/** What may be done to one that is open. */
export interface OpenSession {
  readonly session: Call;
  readonly pipeline: AnyPipeline;
  /** Its caller is told, and it is closed. */
  end(reason: CloseReason, error: GreenroomError): void;
}
