// The pause between two probes of an engine that loads: in proportion to how long it takes, so that a load of a minute is
// known to be over as promptly as one of a second, at the same small cost. Short while things move, and cut short by a
// sign that now is the time.
import type { Clock, Timer } from '../../lifecycle/clock.ts';

const [leastMs, mostMs] = [50, 1000];
/** Of the time that has gone by: after 10 s a pause is 50 ms, after 200 s a second. */
const share = 1 / 200;
/** After a sign that things move pauses are short for so long. */
const stirredForMs = 1000;

export class Pace {
  readonly #clock: Clock;
  readonly #beganMs: number;
  #stirredMs = Number.NEGATIVE_INFINITY;
  #state: 'even' | 'hurried' = 'even';
  /** The pause under way. */
  #pause: { readonly end: () => void; readonly shorten: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganMs = clock.now();
  }

  /** Now is the time: the pause under way, or the next one, is over at once. */
  hurry(): void {
    this.#state = 'hurried';
    this.#pause?.end();
  }

  /** Things move: pauses are short for a while, the one under way too. Costs next to nothing, however often it comes. */
  stir(): void {
    this.#stirredMs = this.#clock.now();
    this.#pause?.shorten();
  }

  async pause(signal: AbortSignal): Promise<void> {
    if (this.#state === 'even' && !signal.aborted) await this.#wait(signal);
    this.#state = 'even';
  }

  get #ms(): number {
    const nowMs = this.#clock.now();
    if (nowMs - this.#stirredMs < stirredForMs) return leastMs;
    return Math.min(mostMs, Math.max(leastMs, (nowMs - this.#beganMs) * share));
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const ms = this.#ms;
      let state: 'whole' | 'short' = ms > leastMs ? 'whole' : 'short';
      let timer: Timer;
      const end = () => {
        timer.cancel();
        signal.removeEventListener('abort', end);
        this.#pause = undefined;
        resolve();
      };
      const shorten = () => {
        if (state === 'short') return;
        state = 'short';
        timer.cancel();
        timer = this.#clock.after(leastMs, end);
      };
      timer = this.#clock.after(ms, end);
      signal.addEventListener('abort', end, { once: true });
      this.#pause = { end, shorten };
    });
  }
}
