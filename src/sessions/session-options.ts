// What a session is given.
import type { Decoders } from '../audio/decoding/decoders.ts';
import type { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Pipeline, PipelineSession } from '../pipelines/pipeline.ts';
import type { SessionTasks } from '../tasks/session-tasks.ts';
import type { TaskHost } from '../tasks/task-host.ts';
import type { SessionUpdate } from '../wire/client-schema.ts';
import type { NewId } from '../wire/ids.ts';
import type { CallersPlace } from './callers-place.ts';
import type { AudioBudget } from './input-audio.ts';
import type { LobbyWaits } from './lobby.ts';
import type { SessionRecord } from './records.ts';
import type { Seat } from './seat.ts';
import type { Tape } from './tape.ts';

export interface SessionLimits {
  readonly lobbyWaitMs: number;
  readonly earlyAudio: { readonly ageMs: number; readonly bytesMax: number };
  readonly keepaliveMs: number;
  readonly queueBytesMax: number;
  /** A caller that was lost may come back for so long. */
  readonly resumeMs: number;
}

export interface SessionOptions {
  readonly id: string;
  readonly scope: Scope;
  /** Where its caller is, or is not. */
  readonly seat: Seat;
  readonly pipeline: Pipeline;
  readonly pipelineSession: PipelineSession;
  readonly limits: SessionLimits;
  readonly lobbyWaits: LobbyWaits;
  readonly earlyAudio: AudioBudget;
  readonly preset: SessionUpdate | null;
  readonly record: SessionRecord;
  readonly tape?: Tape;
  /** For callers who send WebM/Opus. Default: none, and it is refused. */
  readonly decoders?: Pick<Decoders, 'open'> | undefined;
  /** Who speaks in it. */
  readonly place: CallersPlace;
  readonly openTasks: (host: TaskHost) => SessionTasks;
  readonly newId: NewId;
  /** 0 to 1. */
  readonly random: () => number;
  /** It has to end: whoever owns its scope closes it. */
  readonly onEnd: (reason: CloseReason, error: GreenroomError) => void;
  readonly onFault: (what: string, error: unknown) => void;
}
