// How long the stages of one answer took to give their first, in ms since it was begun: what a caller waits for.
import type { Clock } from '../lifecycle/clock.ts';

type Stage = 'firstToken' | 'firstSentence' | 'firstAudio' | 'thought' | 'end';

export class StageTimes {
  readonly #clock: Clock;
  readonly #beganMs: number;
  readonly #ms = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganMs = clock.now();
  }

  /** The first time counts. */
  reached(stage: Stage): void {
    const name = `${stage}Ms`;
    if (!this.#ms.has(name)) this.#ms.set(name, Math.round(this.#clock.now() - this.#beganMs));
  }

  /** `firstAudioMs` and so on; a stage that was not reached is not there. */
  facts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#ms);
  }
}
