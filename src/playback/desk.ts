// All playbacks of a gateway: starts one where everything is there for it, ends it, and knows which are under way. Holds
// nothing itself: each playback belongs to its session.
import { GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { TakeFacts } from '../recordings/facts.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { CallersPlace } from '../sessions/callers-place.ts';
import type { AnyPipeline } from '../sessions/open-call.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { Log } from '../telemetry/log.ts';
import type { NewId } from '../wire/ids.ts';
import { Nobody } from './nobody.ts';
import { Playback, type PlaybackFacts, type PlaybackMode } from './playback.ts';
import { openReel, type Reel } from './reel.ts';
import { formatOf } from './voice.ts';

export interface PlaybackDeskOptions {
  readonly recordings: Pick<Recordings, 'find' | 'root' | 'decoders'>;
  readonly sessions: Pick<SessionRegistry, 'open' | 'place'>;
  /** Throws `model_not_found`. */
  readonly resolve: (model: string | null) => AnyPipeline;
  /** Takes the place of a session in the generation of a pipeline; returns what gives it back. */
  readonly enter: (pipeline: AnyPipeline, session: string) => () => void;
  readonly newId: NewId;
  readonly log: Pick<Log, 'info'>;
  /** Default: from its files. */
  readonly openReel?: typeof openReel;
}

export interface PlaybackRequest {
  /** `SESSION/TAKE`. */
  readonly recordingId: string;
  readonly mode: PlaybackMode;
  /** 0, or 0.5 to 8. */
  readonly speed: number;
  /** Undefined: a session is opened for it alone. */
  readonly sessionId: string | undefined;
  /** Of that session; undefined: as recorded. */
  readonly model: string | undefined;
}

export interface PlaybackTarget {
  readonly id?: string | undefined;
  readonly sessionId?: string | undefined;
}

export interface PlaybackStopped {
  readonly status: 'stopped' | 'no_playback_active';
  readonly id: string | null;
}

/** How those ended that were there last. */
const endedMax = 100;

export class PlaybackDesk {
  readonly #options: PlaybackDeskOptions;
  /** By session: one each. */
  readonly #active = new Map<string, Playback>();
  readonly #ended: PlaybackFacts[] = [];

  constructor(options: PlaybackDeskOptions) {
    this.#options = options;
  }

  /** Those under way. */
  list(): readonly PlaybackFacts[] {
    return [...this.#active.values()].map((playback) => playback.facts());
  }

  /** Also one of those that ended last. Throws `not_found`. */
  find(id: string): PlaybackFacts {
    const found = [...this.list(), ...this.#ended].find((one) => one.id === id);
    if (found) return found;
    const message = `no playback ${JSON.stringify(id.slice(0, 64))} is under way, or was among the last ${endedMax}`;
    throw new GreenroomError('not_found', message);
  }

  /**
   * Resolves when it has begun. Throws `not_found`, `recording_under_way`, `model_not_found`, `no_session`,
   * `session_listening`, `playback_active`, `playback_unsupported`, `recording_unplayable`; then nothing is left.
   */
  async start(request: PlaybackRequest): Promise<PlaybackFacts> {
    const { recordings } = this.#options;
    const [session = '', take = '', ...more] = request.recordingId.split('/');
    const found = await recordings.find(session, more.length > 0 ? '' : take);
    if (found.state === 'recording') {
      const message = `recording ${found.id} is under way; it can be played back when it has ended`;
      throw new GreenroomError('recording_under_way', message, { details: { recording: found.id } });
    }
    if (request.sessionId !== undefined) return this.#start(request, found, request.sessionId);
    return this.#startAlone(request, found);
  }

  /** Idempotent. Throws `invalid_request` when it is not said which one, and several are under way. */
  async stop(target: PlaybackTarget): Promise<PlaybackStopped> {
    const playback = this.#targeted(target);
    if (!playback) return { status: 'no_playback_active', id: target.id ?? null };
    const { id } = playback;
    return { status: (await playback.stop()) === 'stopped' ? 'stopped' : 'no_playback_active', id };
  }

  #targeted({ id, sessionId }: PlaybackTarget): Playback | undefined {
    const all = [...this.#active.values()];
    if (id !== undefined)
      return all.find((one) => one.id === id && (sessionId ?? one.session) === one.session);
    if (sessionId !== undefined) return this.#active.get(sessionId);
    if (all.length <= 1) return all[0];
    const playbacks = all.map((one) => one.id);
    const message = `${all.length} playbacks are under way (${playbacks.join(', ')}): say which by id or sessionId`;
    throw new GreenroomError('invalid_request', message, { details: { playbacks } });
  }

  async #startAlone(request: PlaybackRequest, take: TakeFacts): Promise<PlaybackFacts> {
    const { resolve, enter, sessions } = this.#options;
    const pipeline = resolve(request.model ?? take.pipeline);
    const nobody = new Nobody();
    const opened = await sessions.open({
      ...{ transport: nobody, pipeline, notices: true },
      enter: (session) => enter(pipeline, session),
    });
    if (typeof opened !== 'string') throw opened;
    const scope = sessions.place(opened)?.scope;
    try {
      return await this.#start(request, take, opened, nobody);
    } catch (thrown) {
      nobody.hangUp();
      await scope?.closed;
      throw thrown;
    }
  }

  /** @param alone the session was opened for it, and ends with it */
  async #start(
    request: PlaybackRequest,
    take: TakeFacts,
    session: string,
    alone?: Nobody,
  ): Promise<PlaybackFacts> {
    const { recordings, newId, openReel: open = openReel } = this.#options;
    const { mode, speed } = request;
    const place = this.#free(session, mode);
    const id = newId('play');
    const scope = childOf(place, id);
    try {
      const playback = new Playback({ id, session, take, mode, speed, scope, place });
      const reel = await open(scope, recordings, take, mode);
      if (alone) await reel.setUp(place);
      // Meanwhile somebody may have spoken, or another one begun.
      this.#free(session, mode);
      this.#begin(playback, reel, alone);
      return playback.facts();
    } catch (thrown) {
      const { state } = place.scope;
      await scope.close('setup_failed');
      throw state === 'open' ? toGreenroomError(thrown) : noSession(session);
    }
  }

  #begin(playback: Playback, { durationMs, play }: Reel, alone: Nobody | undefined): void {
    const { session } = playback;
    const { log } = this.#options;
    const { id, recordingId, mode, speed } = playback.facts();
    this.#active.set(session, playback);
    const facts = { playback: id, recording: recordingId, session, mode, speed };
    log.info(facts, `playback ${id} of recording ${recordingId} begins in session ${session}`);
    void playback.closed.then(() => {
      if (this.#active.get(session) === playback) this.#active.delete(session);
      const ended = playback.facts();
      this.#ended.unshift(ended);
      this.#ended.splice(endedMax);
      log.info(facts, `playback ${id} ${ended.state}: ${ended.message}`);
      alone?.hangUp();
    });
    playback.begin(durationMs, (player, signal) => play(player, signal, (event) => playback.show(event)));
  }

  /** Throws why nothing can be played back into it. */
  #free(session: string, mode: PlaybackMode): CallersPlace {
    const place = this.#options.sessions.place(session);
    const look = place?.look();
    if (!place || !look || place.scope.state !== 'open') throw noSession(session);
    const active = this.#active.get(session);
    const details = { session };
    if (active) {
      const message = `playback ${active.id} is under way in session ${session}; POST /api/playback/stop ends it`;
      throw new GreenroomError('playback_active', message, { details: { ...details, playback: active.id } });
    }
    if (place.listening) {
      const message = `session ${session} is listening: speech is under way, or audio came within the last 2000 ms; mute its caller and try again`;
      throw new GreenroomError('session_listening', message, { details });
    }
    if (mode === 'events' && !place.notices) {
      const message = `session ${session} did not ask for notices (\`?notices=1\`), which show the events of a recording`;
      throw new GreenroomError('playback_unsupported', message, { details });
    }
    if (mode !== 'events' && look.hears === 'nothing') {
      const message = `the pipeline of session ${session} has nothing that hears; mode \`events\` shows a recording to it`;
      throw new GreenroomError('playback_unsupported', message, { details });
    }
    if (mode !== 'events') formatOf(look);
    return place;
  }
}

/** The session may be leaving by now. */
function childOf(place: CallersPlace, id: string): Scope {
  return place.scope.child(id, { kind: 'playback' });
}

function noSession(session: string): GreenroomError {
  const message = `no session ${JSON.stringify(session.slice(0, 96))} is open; GET /api/sessions has those that are; without sessionId one is opened`;
  return new GreenroomError('no_session', message, { details: { session: session.slice(0, 96) } });
}
