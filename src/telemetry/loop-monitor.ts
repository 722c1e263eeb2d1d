// Watches the event loop: a timer that comes late tells how long something held it. What was running is known where
// the work was marked (operations.ts); the longest mark that ended within the stall is named.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { Histogram } from './histogram.ts';
import { type OperationKind, type Operations, operationKinds, operations, type Watch } from './operations.ts';

export interface Stall {
  readonly ms: number;
  /** Name of the marked work, or null. */
  readonly during: string | null;
  readonly duringMs: number;
}

/** Of the last minute, ms. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** How many since the start. */
  readonly stalls: number;
}

const tickMs = 20;
const stallMs = 100;
/** A minute of ticks. */
const samplesMax = 3000;

export class LoopMonitor {
  /** How late each tick was, since the start. */
  readonly late = new Histogram();
  /** Stalls by what they were named after; `unknown`: nothing that is marked. */
  readonly stalls = new Map<OperationKind | 'unknown', number>(
    [...operationKinds, 'unknown' as const].map((kind) => [kind, 0]),
  );
  readonly #clock: Clock;
  readonly #onStall: (stall: Stall, kind: OperationKind | 'unknown') => void;
  readonly #operations: Operations;
  /** A ring: the newest overwrites the oldest. */
  readonly #lateMs = new Float64Array(samplesMax);
  #ticks = 0;
  #stalls = 0;
  #timer: Timer | undefined;
  #watch: Watch | undefined;

  /** @param of whose marks it reads. Default: those of this process */
  constructor(
    clock: Clock,
    onStall: (stall: Stall, kind: OperationKind | 'unknown') => void,
    of: Operations = operations,
  ) {
    this.#clock = clock;
    this.#onStall = onStall;
    this.#operations = of;
  }

  /** Idempotent. Whoever starts it stops it. */
  start(): void {
    this.#watch ??= this.#operations.watch();
    if (!this.#timer) this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watch?.close();
    this.#watch = undefined;
  }

  delay(): LoopDelay {
    const sorted = this.#lateMs.slice(0, Math.min(this.#ticks, samplesMax)).sort();
    const at = (share: number) =>
      Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;
    return { p50: at(0.5), p99: at(0.99), max: at(1), stalls: this.#stalls };
  }

  #arm(): void {
    const dueMs = this.#clock.now() + tickMs;
    // Unref'd: watching keeps nothing alive.
    this.#timer = this.#clock.after(tickMs, () => this.#tick(this.#clock.now() - dueMs), { ref: false });
  }

  #tick(lateMs: number): void {
    this.late.add(Math.max(0, lateMs));
    this.#lateMs[this.#ticks % samplesMax] = Math.max(0, lateMs);
    this.#ticks += 1;
    const longest = this.#watch?.take();
    // Before anybody is told: a listener may stop it, or throw.
    this.#arm();
    if (lateMs <= stallMs) return;
    this.#stalls += 1;
    // A mark explains a stall only when it fills most of it.
    const named = longest && longest.ms > lateMs / 2 ? longest : undefined;
    const kind = named?.kind ?? 'unknown';
    this.stalls.set(kind, (this.stalls.get(kind) ?? 0) + 1);
    const stall = {
      ms: Math.round(lateMs),
      during: named?.name ?? null,
      duringMs: Math.round(named?.ms ?? 0),
    };
    this.#onStall(stall, kind);
  }
}
