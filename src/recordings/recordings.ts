// The recordings of a gateway: a tape for each session, and the library of what was recorded. Whoever makes it closes it,
// after the sessions.
import { type Decoders, noDecoders } from '../audio/decoding/decoders.ts';
import type { Clock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Tape, TapeSession } from '../sessions/tape.ts';
import { Announcer } from '../telemetry/announcer.ts';
import type { Log } from '../telemetry/log.ts';
import type { TakeFacts } from './facts.ts';
import { Importing } from './importing.ts';
import { type TakeName, takeId, takeName } from './names.ts';
import type { Found, Query } from './protocol.ts';
import { Recorder } from './recorder.ts';
import type { RecordingLimits } from './retention.ts';
import { SessionTape, type Switched } from './session-tape.ts';

export interface RecordingsOptions {
  /** The built `recordings-thread`. */
  readonly file: string;
  /** The folder of all of them. */
  readonly root: string;
  readonly limits: RecordingLimits;
  readonly version: string;
  /** For what is imported and played. Default: none. */
  readonly decoders?: Pick<Decoders, 'open'>;
  /** Of one import. Default 256 MiB. */
  readonly importBytesMax?: number;
  /** Whether every session is recorded from its beginning. */
  readonly begins: 'on' | 'off';
  readonly clock: Clock;
  readonly log: Log;
}

export interface RecordingChange {
  readonly type: 'started' | 'ended' | 'failed' | 'removed';
  readonly take: TakeFacts;
}

const importBytesMaxDefault = 256 * 1024 * 1024;

export class Recordings {
  readonly changes: Announcer<RecordingChange>;
  /** All that have ended, whenever the folder was looked through. */
  readonly looks: Announcer<readonly TakeFacts[]>;
  readonly root: string;
  readonly #options: RecordingsOptions;
  readonly #recorder: Recorder;
  readonly #importing: Importing;
  readonly #tapes = new Map<string, SessionTape>();
  /** Of sessions that have ended, until their last take has. */
  readonly #leaving = new Set<SessionTape>();
  #keys = 0;

  constructor(options: RecordingsOptions) {
    const { file, root, limits, version, clock, log } = options;
    this.#options = options;
    this.root = root;
    const onFault = (error: unknown) => log.error({ error }, 'a listener of changes of recordings failed');
    this.changes = new Announcer(onFault);
    this.looks = new Announcer(onFault);
    this.#recorder = new Recorder({
      ...{ file, thread: { root, limits, version }, clock },
      onTake: (key, take) => this.#changed(key, take),
      onLost: (key, message) => this.#lost(key, message),
      onRemoved: (take) => this.changes.announce({ type: 'removed', take }),
      onLook: (takes) => this.looks.announce(takes),
      onNotice: (message) => log.warn({}, message),
    });
    this.#importing = new Importing({
      ...{ decoders: this.decoders, recorder: this.#recorder },
      ...{ bytesMax: this.importBytesMax, wallTime: () => clock.wallTime() },
    });
  }

  /** Of one import, in bytes. */
  get importBytesMax(): number {
    return this.#options.importBytesMax ?? importBytesMaxDefault;
  }

  /** @param now whether there is something to do already: recordings to be looked after, or to come soon */
  start(now: boolean): void {
    this.#recorder.start(now);
    // There is no folder.
    if (!now) this.looks.announce([]);
  }

  /** Throws `invalid_audio`, `body_too_large`, `server_busy`, `invalid_request`, `recording_failed`: then nothing is left. */
  import(body: AsyncIterable<Uint8Array>): Promise<TakeFacts> {
    return this.#importing.take(body);
  }

  /** Of what was kept as it came. */
  get decoders(): Pick<Decoders, 'open'> {
    return this.#options.decoders ?? noDecoders;
  }

  openTape(session: TapeSession): Tape {
    const { clock, begins } = this.#options;
    const tape: SessionTape = new SessionTape({
      ...{ session, clock, begins, recorder: this.#recorder },
      newKey: () => {
        this.#keys += 1;
        return this.#keys;
      },
      onEnd: () => {
        if (this.#tapes.get(session.id) === tape) this.#tapes.delete(session.id);
        if (!tape.idle) this.#leaving.add(tape);
      },
    });
    this.#tapes.set(session.id, tape);
    return tape;
  }

  /** Throws `not_found` for a session that is not open, `recording_failed` when it cannot be written. */
  async switch(session: string, on: boolean): Promise<Switched> {
    const tape = this.#tapes.get(session);
    if (!tape) {
      const message = `no session ${shown(session)} is open; GET /api/sessions has those that are`;
      throw new GreenroomError('not_found', message);
    }
    const switched = await tape.switch(on);
    if (switched.state !== 'failed') return switched;
    throw new GreenroomError('recording_failed', switched.message, {
      details: { session, take: switched.take },
    });
  }

  /** The newest first. */
  async list(session: string | undefined, limit: number): Promise<readonly TakeFacts[]> {
    const found = await this.#ask({ of: 'list', session, limit });
    return found.state === 'list' ? found.takes : [];
  }

  /** Throws `not_found` with what there is. */
  async find(session: string, take: string): Promise<TakeFacts> {
    const name = this.#name(session, take);
    const found = await this.#ask({ of: 'one', name });
    if (found.state === 'one') return found.take;
    if (found.state === 'broken') throw broken(takeId(name), found.message);
    throw unknown(takeId(name), found.state === 'unknown' ? found.takes : []);
  }

  /** Throws `not_found`, and `recording_under_way`. */
  async remove(session: string, take: string): Promise<TakeFacts> {
    const name = this.#name(session, take);
    const found = await this.#ask({ of: 'remove', name });
    if (found.state === 'removed') return found.take;
    if (found.state === 'under_way') {
      const message = `recording ${takeId(name)} is under way; end it with POST /api/sessions/${session}/recording {"on":false}`;
      throw new GreenroomError('recording_under_way', message, { details: { session, take: name.take } });
    }
    throw unknown(takeId(name), found.state === 'unknown' ? found.takes : []);
  }

  /** All of a session, with their files. @returns how many. Throws `recording_under_way`, and `recording_failed`. */
  async removeSession(session: string): Promise<number> {
    const found = await this.#ask({ of: 'remove_all', session });
    if (found.state === 'removed_all') return found.count;
    const message = `a recording of session ${session} is under way: ask again when it has ended`;
    throw new GreenroomError('recording_under_way', message, { details: { session } });
  }

  close(): Promise<void> {
    return this.#recorder.close();
  }

  destroy(): void {
    this.#recorder.destroy();
  }

  async #ask(query: Query): Promise<Found> {
    const found = await this.#recorder.ask(query);
    if (found.state !== 'failed') return found;
    throw new GreenroomError('recording_failed', found.message, { details: { root: this.root } });
  }

  #name(session: string, take: string): TakeName {
    const name = takeName(session, take);
    if (name) return name;
    throw new GreenroomError(
      'not_found',
      `${shown(`${session}/${take}`)} is no name of a recording: those are SESSION/TAKE, such as sess_0a1b/1`,
    );
  }

  #changed(key: number, take: TakeFacts): void {
    const types = {
      recording: 'started',
      finished: 'ended',
      interrupted: 'ended',
      failed: 'failed',
    } as const;
    if (take.error) this.#warn(take.error.message, take.session);
    this.#tell((tape) => tape.changed(key, take));
    this.changes.announce({ type: types[take.state], take });
  }

  #lost(key: number | 'all', message: string): void {
    this.#warn(message, undefined);
    this.#tell((tape) => tape.lost(key, message));
  }

  #warn(message: string, session: string | undefined): void {
    this.#options.log.warn(session === undefined ? {} : { session }, message);
  }

  #tell(tell: (tape: SessionTape) => boolean): void {
    for (const tape of [...this.#tapes.values(), ...this.#leaving]) tell(tape);
    for (const tape of this.#leaving) if (tape.idle) this.#leaving.delete(tape);
  }
}

function broken(id: string, message: string): GreenroomError {
  return new GreenroomError('recording_broken', message, { details: { recording: id } });
}

function unknown(id: string, takes: readonly number[]): GreenroomError {
  const there =
    takes.length === 0 ? 'there is none of this session' : `of this session there is ${takes.join(', ')}`;
  return new GreenroomError('not_found', `no recording ${id}: ${there}; GET /api/recordings has all`, {
    details: { takes },
  });
}

const shown = (id: string): string => JSON.stringify(id.slice(0, 96));
