// Whose turn it is: so many at a time, each in a lane of its own (a sequence of the model's context); the rest waits in
// the order it came. Owns nothing but the order.
import { GreenroomError } from '../lifecycle/errors.ts';

export interface LanesOptions {
  readonly lanes: number;
  readonly waitingMax: number;
}

export class Lanes {
  readonly #waitingMax: number;
  readonly #lanes: number;
  /** The one that was used last comes first: it may still know the beginning of the conversation. */
  readonly #free: number[];
  readonly #waiting = new Set<(lane: number) => void>();

  constructor({ lanes, waitingMax }: LanesOptions) {
    this.#lanes = lanes;
    this.#waitingMax = waitingMax;
    this.#free = Array.from({ length: lanes }, (_, lane) => lanes - 1 - lane);
  }

  /** Work under way, whoever still wants it. */
  get active(): number {
    return this.#lanes - this.#free.length;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs the work when a lane is free, and gives the lane on when it has ended. Throws `engine_busy` when too many wait,
   * and the signal's reason when that aborts first.
   */
  async run<T>(signal: AbortSignal, work: (lane: number) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const lane = this.#free.pop() ?? (await this.#turn(signal));
    try {
      return await work(lane);
    } finally {
      this.#giveOn(lane);
    }
  }

  #turn(signal: AbortSignal): Promise<number> {
    if (this.#waiting.size >= this.#waitingMax) {
      const message = `${this.active} answers are under way and ${this.waiting} requests wait, which is the limit`;
      throw new GreenroomError('engine_busy', message, { details: { waiting: this.waiting } });
    }
    return new Promise((resolve, reject) => {
      const onTurn = (lane: number) => {
        signal.removeEventListener('abort', onAbort);
        resolve(lane);
      };
      const onAbort = () => {
        this.#waiting.delete(onTurn);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(onTurn);
    });
  }

  #giveOn(lane: number): void {
    const [next] = this.#waiting;
    if (!next) return void this.#free.push(lane);
    this.#waiting.delete(next);
    next(lane);
  }
}
