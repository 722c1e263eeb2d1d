// How fast a connection is read: at once, not at all, or so many bytes a second.
import type { Socket } from 'node:net';
import { systemClock, type Timer } from '../../lifecycle/clock.ts';

export type Pace = 'well' | 'stalled' | { readonly bytesPerSecond: number };

export class Pacing {
  readonly #socket: Socket;
  #pace: Pace = 'well';
  #rest: Timer | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  turn(pace: Pace): void {
    this.#pace = pace;
    this.#rest?.cancel();
    if (pace === 'stalled') this.#socket.pause();
    else this.#socket.resume();
  }

  /** So much was read. Returns whether more may be read now. */
  took(bytes: number): boolean {
    if (this.#pace === 'well') return true;
    if (this.#pace === 'stalled') return false;
    const restMs = (bytes * 1000) / this.#pace.bytesPerSecond;
    this.#rest?.cancel();
    this.#rest = systemClock.after(restMs, () => this.#socket.resume(), { ref: false });
    return false;
  }

  stop(): void {
    this.#rest?.cancel();
  }
}
