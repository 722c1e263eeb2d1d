// What the hub measures: of all watchers together, for metrics, and of one, for whoever asks who is slow.
import { Histogram } from '../telemetry/histogram.ts';

export class HubMeasures {
  events = 0;
  eventBytes = 0;
  deliveries = 0;
  deliveredBytes = 0;
  /** From publication until the kernel had it. */
  readonly flushed = new Histogram();
  /** From publication until the watcher said that it has processed it. */
  readonly acknowledged = new Histogram();
  readonly rtt = new Histogram();
  readonly evictions = { unsent: 0, silent: 0 };
  readonly gaps = { expired: 0, epoch: 0, ahead: 0, slow: 0, conflated: 0 };
  readonly resumes = { recovered: 0, gap: 0 };
  replayedBytes = 0;
  warnings = 0;
}

/** Of one watcher: the last one, and of the last minute or two the 99th percentile and the longest. */
export class RecentLatency {
  #now = new Histogram();
  #before: Histogram | undefined;
  #turnedMs: number;
  lastMs: number | null = null;

  constructor(nowMs: number) {
    this.#turnedMs = nowMs;
  }

  add(ms: number, nowMs: number): void {
    if (nowMs - this.#turnedMs > minuteMs) this.#turn(nowMs);
    this.#now.add(ms);
    this.lastMs = ms;
  }

  facts(): { readonly lastMs: number | null; readonly p99Ms: number | null; readonly maxMs: number | null } {
    if (this.lastMs === null) return { lastMs: null, p99Ms: null, maxMs: null };
    const of = (histogram: Histogram | undefined) => histogram ?? this.#now;
    const p99Ms = Math.max(this.#now.quantileMs(0.99), of(this.#before).quantileMs(0.99));
    const maxMs = Math.max(this.#now.maxMs, of(this.#before).maxMs);
    return { lastMs: round(this.lastMs), p99Ms: round(p99Ms), maxMs: round(maxMs) };
  }

  #turn(nowMs: number): void {
    const stale = nowMs - this.#turnedMs > 2 * minuteMs;
    this.#before = stale ? undefined : this.#now;
    this.#now = new Histogram();
    this.#turnedMs = nowMs;
  }
}

const minuteMs = 60_000;
const round = (ms: number): number => Math.round(ms * 100) / 100;
