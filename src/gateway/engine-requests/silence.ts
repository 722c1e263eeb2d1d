// An engine that was listened to and has said nothing for too long. One timer, however often it is heard.
import type { Clock, Timer } from '../../lifecycle/clock.ts';

export class SilenceWatch {
  readonly #clock: Clock;
  readonly #onSilence: (ms: number) => void;
  #timer: Timer | undefined;
  #heardMs = 0;
  #limitMs = 0;
  #state: 'resting' | 'watching' = 'resting';

  readonly #onHeard: () => void;

  constructor(clock: Clock, onSilence: (ms: number) => void, onHeard: () => void = () => undefined) {
    this.#clock = clock;
    this.#onSilence = onSilence;
    this.#onHeard = onHeard;
  }

  /** From now on it may be silent for so long. */
  watch(limitMs: number): void {
    this.#limitMs = limitMs;
    this.#state = 'watching';
    this.#heardMs = this.#clock.now();
    this.#timer?.cancel();
    this.#arm(limitMs);
  }

  heard(): void {
    this.#heardMs = this.#clock.now();
    this.#onHeard();
  }

  /** It is not listened to: its silence is ours. */
  rest(): void {
    this.#state = 'resting';
  }

  resume(): void {
    this.#state = 'watching';
    this.#heardMs = this.#clock.now();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(
      ms,
      () => {
        const leftMs = this.#heardMs + this.#limitMs - this.#clock.now();
        if (this.#state === 'resting') this.#arm(this.#limitMs);
        else if (leftMs > 0) this.#arm(leftMs);
        else this.#onSilence(this.#limitMs);
      },
      { ref: false },
    );
  }
}
