// The registry of sessions that a configuration wants.
import type { Decoders } from '../audio/decoding/decoders.ts';
import type { Config } from '../config/types.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Recordings } from '../recordings/recordings.ts';
import { SessionRegistry } from '../sessions/registry.ts';
import { TaskDesk } from '../tasks/task-desk.ts';
import type { Log } from '../telemetry/log.ts';
import { randomId } from '../wire/ids.ts';
import type { Records } from './records.ts';

export function openSessions(parts: {
  readonly config: Config;
  /** Of the whole gateway. */
  readonly scope: Scope;
  readonly log: Log;
  readonly records: Records;
  readonly recordings: Recordings;
  readonly decoders: Decoders;
}): SessionRegistry {
  const { scope, log, records, recordings, decoders } = parts;
  const { sessions } = parts.config;
  const { audio } = sessions.lobby;
  return new SessionRegistry({
    scope: scope.child('sessions', { kind: 'sessions', order: 'parallel' }),
    log,
    ...sessionLimits(parts.config),
    earlyAudioBytesMax: audio.bytesTotalMax,
    records: records.sessions,
    decoders,
    openTape: (session) => recordings.openTape(session),
    tasks: new TaskDesk({ log, store: records.store }),
    newId: randomId,
    random: Math.random,
  });
}

/** What each session is opened with, and how many there may be. */
export function sessionLimits({ sessions }: Pick<Config, 'sessions'>) {
  const { waitMs, audio } = sessions.lobby;
  return {
    limits: {
      lobbyWaitMs: waitMs,
      earlyAudio: { ageMs: audio.ageMs, bytesMax: audio.bytesMax },
      keepaliveMs: sessions.keepaliveMs,
      queueBytesMax: sessions.queueBytesMax,
      resumeMs: sessions.resumeMs,
    },
    sessionsMax: sessions.max,
  };
}
