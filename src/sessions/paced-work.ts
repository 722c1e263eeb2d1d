// Work on one caller's audio that may take long: done at once while it is little, and from then on piece by piece, with
// a turn of the loop for everybody else in between. Meanwhile it is busy, and its caller is not listened to, so that
// what it sent stays in order. Owned by the session's scope.
import { turn } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';

export interface PacedWorkOptions {
  readonly scope: Scope;
  /** It was busy, and is not any more. */
  readonly onIdle: () => void;
}

/** Half a second of audio, some milliseconds of work. A caller in real time gets there twice a second. */
const samplesATurn = 12_000;

export class PacedWork {
  readonly #options: PacedWorkOptions;
  readonly #waiting: Iterator<number>[] = [];
  #samples = 0;
  #state: 'idle' | 'stepping' | 'busy' = 'idle';

  constructor(options: PacedWorkOptions) {
    this.#options = options;
  }

  get busy(): boolean {
    return this.#state === 'busy';
  }

  /** Each step says how many samples it has converted. What a step gives to do comes after all that waits. */
  do(steps: Iterator<number>): void {
    const { scope, onIdle } = this.#options;
    // The session is ending: nobody waits for it.
    if (scope.state !== 'open') return;
    this.#waiting.push(steps);
    if (this.#state !== 'idle') return;
    this.#state = 'stepping';
    const state = this.#advance();
    this.#state = state === 'through' ? 'idle' : 'busy';
    if (state === 'through') return;
    scope.spawn('convert audio', async (signal) => {
      do {
        await turn(scope.clock);
        this.#samples = 0;
      } while (!signal.aborted && this.#advance() === 'more');
      this.#state = 'idle';
      if (!signal.aborted) onIdle();
    });
  }

  #advance(): 'through' | 'more' {
    for (;;) {
      const [steps] = this.#waiting;
      if (!steps) return 'through';
      if (this.#samples >= samplesATurn) return 'more';
      const step = steps.next();
      if (step.done) this.#waiting.shift();
      else this.#samples += step.value;
    }
  }
}
