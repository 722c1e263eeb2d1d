// One playback: performs what its pure state decides. Everything it holds is in a scope of its own below its session's:
// whoever ends that (a stop, a caller that leaves, a shutdown) ends reading, decoding and feeding with it, in this order
// and once.
import { toGreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { TakeFacts } from '../recordings/facts.ts';
import type { CallersPlace } from '../sessions/callers-place.ts';
import type { JsonObject } from '../wire/json.ts';
import type { PlaybackNotice } from '../wire/notices.ts';
import { initialPlayback, next, type PlaybackEvent, type PlaybackState } from './playback-state.ts';
import { Player } from './player.ts';

export type PlaybackMode = PlaybackNotice['mode'];

/** As the API shows it. */
export interface PlaybackFacts {
  readonly id: string;
  readonly recordingId: string;
  readonly sessionId: string;
  readonly mode: PlaybackMode;
  readonly speed: number;
  readonly state: PlaybackState['word'];
  readonly positionMs: number;
  readonly durationMs: number;
  readonly message: string;
  readonly error: PlaybackState['error'];
}

/** How it is performed: resolves when it is through, or its signal has aborted. */
export type Play = (player: Player, signal: AbortSignal) => Promise<void>;

export interface PlaybackOptions {
  readonly id: string;
  readonly session: string;
  readonly take: TakeFacts;
  readonly mode: PlaybackMode;
  readonly speed: number;
  /** Its own, below its session's. */
  readonly scope: Scope;
  readonly place: CallersPlace;
}

export class Playback {
  readonly id: string;
  readonly session: string;
  readonly #options: PlaybackOptions;
  readonly #scope: Scope;
  #state = initialPlayback;

  constructor(options: PlaybackOptions) {
    this.id = options.id;
    this.session = options.session;
    this.#options = options;
    this.#scope = options.scope;
    // At once: its session still has its caller then.
    const ended = () => this.#feed({ type: 'stop', why: `its session has ended: ${this.#scope.reason}` });
    this.#scope.signal.addEventListener('abort', ended, { once: true });
  }

  get word(): PlaybackState['word'] {
    return this.#state.word;
  }

  /** Resolves when everything that it held is released. */
  get closed(): Promise<unknown> {
    return this.#scope.closed;
  }

  facts(): PlaybackFacts {
    const { id, session: sessionId, take, mode, speed } = this.#options;
    const { word: state, positionMs, durationMs, message, error } = this.#state;
    return {
      ...{ id, recordingId: take.id, sessionId, mode, speed, state },
      ...{ positionMs: Math.round(positionMs), durationMs: Math.round(durationMs), message, error },
    };
  }

  /** Everything is there. From now on it is the one of its session. */
  begin(durationMs: number, play: Play): void {
    const { id, place, speed, mode, take } = this.#options;
    const { clock } = this.#scope;
    if (mode !== 'events') this.#takePlace();
    this.#feed({ type: 'checked', durationMs, nowMs: clock.now() });
    const leave = place.onBack(() => {
      if (this.#state.word === 'playing') this.#tell();
    });
    this.#scope.defer('a caller that comes back', leave);
    const at = (positionMs: number) => this.#feed({ type: 'at', positionMs, nowMs: clock.now() });
    const player = new Player({ id, place, clock, speed, at });
    this.#scope.spawn(`play ${take.id}`, async (signal) => {
      try {
        await play(player, signal);
        if (!signal.aborted) this.#feed({ type: 'through' });
      } catch (thrown) {
        if (!signal.aborted) this.#fail(thrown);
      }
    });
  }

  /** Idempotent: whether it was this that ended it. Resolves when nothing of it is left. */
  async stop(): Promise<'stopped' | 'ended before'> {
    const before = this.#state;
    this.#feed({ type: 'stop', why: 'stopped' });
    const stopped = before.word !== this.#state.word;
    await this.#scope.closed;
    return stopped ? 'stopped' : 'ended before';
  }

  /** In mode `events`: an event of the recorded session. */
  show(event: JsonObject): void {
    this.#tell({ event });
  }

  #takePlace(): void {
    const { id, place, take, speed } = this.#options;
    const message = `playback ${id} of recording ${take.id} speaks in this session: what its caller says meanwhile is dropped; POST /api/playback/stop ends it`;
    const leave = place.take({
      ...{ id, message, listens: speed === 1 ? 'yes' : 'no' },
      refused: ({ code, message: why }) =>
        this.#feed({
          ...{ type: 'fail', code: 'playback_unsupported' },
          message: `the session refuses what the playback says: ${why} [${code}]`,
        }),
    });
    this.#scope.defer('the place of the caller', leave);
  }

  #fail(thrown: unknown): void {
    const { code, message } = toGreenroomError(thrown);
    this.#feed({ type: 'fail', code, message });
  }

  #feed(event: PlaybackEvent): void {
    const { state, effects } = next(this.#state, event);
    this.#state = state;
    for (const effect of effects) {
      if (effect === 'tell') this.#tell();
      else void this.#scope.close('done');
    }
  }

  #tell(more: Partial<PlaybackNotice> = {}): void {
    const { place, take, id, mode, speed } = this.#options;
    const { word, positionMs, durationMs, message, error } = this.#state;
    if (word === 'checking') return;
    place.tell({
      ...{ type: 'greenroom.playback', id, recording_id: take.id, mode, speed, state: word },
      ...{ position_ms: Math.round(positionMs), duration_ms: Math.round(durationMs), message },
      ...(error && { error }),
      ...more,
    });
  }
}
