// How many came in each of the last seconds. Pure: time is given.

export class Rates {
  readonly #seconds: number;
  readonly #counts = new Map<number, number>();

  constructor(seconds = 60) {
    this.#seconds = seconds;
  }

  add(count: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + count);
    for (const known of this.#counts.keys()) if (known < second - this.#seconds) this.#counts.delete(known);
  }

  /** Of whole seconds, the oldest first; the one under way is left out. */
  series(nowMs: number): { readonly seconds: number[]; readonly counts: number[] } {
    const end = Math.floor(nowMs / 1000);
    const seconds = Array.from({ length: this.#seconds }, (_, at) => end - this.#seconds + at);
    return { seconds, counts: seconds.map((second) => this.#counts.get(second) ?? 0) };
  }

  /** Of the last whole second. */
  latest(nowMs: number): number {
    return this.#counts.get(Math.floor(nowMs / 1000) - 1) ?? 0;
  }
}
