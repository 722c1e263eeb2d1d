// What every mode of a playback has: the session it is for, its speed, and a way to tell how far it is.
import { type Clock, delay } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CallersPlace, CallLook } from '../sessions/callers-place.ts';
import { Pace } from './pace.ts';

export interface PlayerOptions {
  readonly id: string;
  readonly place: CallersPlace;
  readonly clock: Clock;
  /** 0: as fast as the session takes it. */
  readonly speed: number;
  readonly at: (positionMs: number) => void;
}

/** A session that is ready, and in which nothing moves for so long, will not go on. */
const quietMsMax = 180_000;
/** Of a session that does not say when it has heard everything. */
const stillMs = 2000;

export class Player {
  readonly id: string;
  readonly place: CallersPlace;
  readonly speed: number;
  readonly at: (positionMs: number) => void;
  readonly #clock: Clock;
  readonly #pace: Pace;
  #events = 0;

  constructor({ id, place, clock, speed, at }: PlayerOptions) {
    this.id = id;
    this.place = place;
    this.speed = speed;
    this.at = at;
    this.#clock = clock;
    this.#pace = new Pace(speed);
  }

  /** As its caller would send it. */
  say(event: { readonly type: string; readonly [key: string]: unknown }): void {
    this.#events += 1;
    this.place.say({ event_id: `${this.id}_${this.#events}`, ...event });
  }

  /** Waits until what stands at this position is due. */
  async due(positionMs: number, signal: AbortSignal): Promise<void> {
    const ms = this.#pace.waitMs(positionMs, this.#clock.now());
    if (ms > 0) await delay(this.#clock, ms, signal);
  }

  /**
   * Waits until the session is as it should be; for one in the lobby as long as it is there. Throws `playback_stalled`
   * when nothing moves in it for 180 s: an engine has less to make itself heard.
   */
  async until(fits: (look: CallLook) => boolean, what: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const ready = await this.place.until(({ phase }) => phase === 'ready', signal);
      if (ready === 'over') return;
      const so = await this.place.until((look) => look.phase !== 'ready' || fits(look), signal, quietMsMax);
      if (so === 'quiet') throw stalled(what);
      if (so === 'over' || this.place.look()?.phase === 'ready') return;
    }
  }

  /** Waits until everything that was said is written down and answered, as far as the session knows of it. */
  settled(signal: AbortSignal): Promise<void> {
    return this.until(idle, 'to hear and answer everything', signal);
  }

  /** Also of what was only appended, and has to be heard before. */
  async heard(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.settled(signal);
      if (signal.aborted || this.place.look()?.behindSamples !== 'unknown') return;
      // An upstream hears behind what it is sent, and says nothing meanwhile.
      const moved = await this.place.until(() => false, signal, stillMs);
      const look = this.place.look();
      if (moved === 'over' || (moved === 'quiet' && look && idle(look))) return;
    }
  }
}

function idle({ work, behindSamples }: CallLook): boolean {
  return work === 'none' && (behindSamples === 0 || behindSamples === 'unknown');
}

function stalled(what: string): GreenroomError {
  const message = `nothing has moved in the session for ${quietMsMax} ms; the playback waited for it ${what}`;
  return new GreenroomError('playback_stalled', message);
}
