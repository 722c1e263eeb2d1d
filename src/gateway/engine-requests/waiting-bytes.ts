// How much of requests and answers may wait in memory, in all: what was read of bodies before they could go on, and
// answers that their callers are slow to take. Who takes gives back.

/** In all. */
const waitingBytesMax = 256 * 1024 * 1024;

export class WaitingBytes {
  readonly max: number;
  #taken = 0;

  constructor(max = waitingBytesMax) {
    this.max = max;
  }

  get taken(): number {
    return this.#taken;
  }

  /** False, and nothing taken, when there is no room for it. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.max) return false;
    this.#taken += bytes;
    return true;
  }

  /** For what is there already, room or not. */
  add(bytes: number): void {
    this.#taken += bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}
