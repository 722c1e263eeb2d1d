// Counts of durations in buckets that grow by a factor of about 1.6: what is asked of it afterwards is right within that.
// A delivery is counted with its number of watchers, so that a million a second cost nothing.

/** Upper bounds, ms; whatever is longer is in one more. */
export const durationBoundsMs: readonly number[] = [
  0.25, 0.5, 0.75, 1, 1.5, 2.5, 4, 5, 7.5, 10, 15, 25, 40, 60, 100, 150, 250, 400, 600, 1000, 1500, 2500,
  5000, 10_000, 20_000, 60_000,
];

export class Histogram {
  readonly #counts = new Float64Array(durationBoundsMs.length + 1);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  add(ms: number, times = 1): void {
    const at = bucketOf(ms);
    this.#counts[at] = (this.#counts[at] ?? 0) + times;
    this.#count += times;
    this.#sumMs += ms * times;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** How many took so long at the most, for each bound and at last for all. */
  cumulative(): readonly number[] {
    let sum = 0;
    return Array.from(this.#counts, (count) => {
      sum += count;
      return sum;
    });
  }

  /** At the most this, of the share that was asked for; 0 when there is nothing. */
  quantileMs(share: number): number {
    const wanted = this.#count * share;
    let sum = 0;
    for (const [at, count] of this.#counts.entries()) {
      sum += count;
      if (count > 0 && sum >= wanted) return Math.min(durationBoundsMs[at] ?? this.#maxMs, this.#maxMs);
    }
    return 0;
  }
}

function bucketOf(ms: number): number {
  let low = 0;
  let high = durationBoundsMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms <= (durationBoundsMs[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}
