// An answer on its way to its caller, who may be slow: what he has not taken waits here, so that the engine can go on.
// Bounded: beyond `bytesMax` the engine is not listened to, and a caller who is too slow then is given up. Its reply
// ends it.
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import type { WaitingBytes } from './waiting-bytes.ts';

/** What is written to: a response. */
interface Outlet {
  /** False: the caller has enough for now; `drain` tells when he has taken it. */
  write(bytes: Buffer): boolean;
  on(event: 'drain', listener: () => void): unknown;
}

export interface OutflowOptions {
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly waiting: WaitingBytes;
  /** There is room again. */
  readonly onRoom: () => void;
  /** He has not taken what he asked for. Told once. */
  readonly onSlow: (what: string) => void;
}

/**
 * How much may wait, and who is too slow once it is full. `age`: what waits for the longest is older than 10 s: a stream
 * of words is read as it comes. `rest`: nothing was taken for 10 s: sound may well be read as it is played.
 */
export interface OutflowLimits {
  readonly bytesMax: number;
  readonly slowBy: 'age' | 'rest';
}

export const streamLimits: OutflowLimits = { bytesMax: 1024 * 1024, slowBy: 'age' };
export const bodyLimits: OutflowLimits = { bytesMax: 16 * 1024 * 1024, slowBy: 'rest' };

const fullMsMax = 10_000;
/** Of an answer that is not full, or has come to its end: it holds nobody up but takes room. */
const takenNothingMsMax = 60_000;
const lookEveryMs = 1000;

/** Written at a time: the smaller, the sooner it shows that he takes something. */
const writeBytesMax = 64 * 1024;

interface Waiting {
  readonly bytes: Buffer;
  readonly sinceMs: number;
}

export class Outflow {
  readonly #options: OutflowOptions;
  limits: OutflowLimits = streamLimits;
  #queue: Waiting[] = [];
  #bytes = 0;
  /** When he last took something, or began to let us wait. */
  #takenMs = 0;
  /** `busy`: it has enough for now. */
  #outlet: 'free' | 'busy' = 'free';
  #room: 'some' | 'none' = 'some';
  #state: 'open' | 'closed' = 'open';
  #timer: Timer | undefined;
  #emptied: (() => void) | undefined;

  constructor(options: OutflowOptions) {
    this.#options = options;
    options.outlet.on('drain', () => this.#drained());
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  /** False: there is no room for more; `onRoom` tells when there is. What is given is taken all the same. */
  push(bytes: Buffer): boolean {
    if (this.#state === 'closed' || bytes.length === 0) return true;
    if (this.#outlet === 'free') {
      this.#write(bytes);
      return true;
    }
    this.#queue.push({ bytes, sinceMs: this.#options.clock.now() });
    this.#bytes += bytes.length;
    this.#options.waiting.add(bytes.length);
    if (this.#isFull()) this.#room = 'none';
    return this.#room === 'some';
  }

  /** Resolves when all that was pushed has been handed over, or when it is closed. */
  async empty(): Promise<void> {
    while (this.#bytes > 0) {
      await new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
    }
  }

  /** What waits is dropped. Idempotent. */
  close(): void {
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#options.waiting.give(this.#bytes);
    this.#queue = [];
    this.#bytes = 0;
    this.#emptied?.();
  }

  #isFull(): boolean {
    const { waiting } = this.#options;
    const { bytesMax } = this.limits;
    return (
      this.#bytes >= (waiting.taken >= waiting.max ? Math.min(bytesMax, streamLimits.bytesMax) : bytesMax)
    );
  }

  #write(bytes: Buffer): void {
    if (this.#options.outlet.write(bytes)) return;
    this.#outlet = 'busy';
    this.#takenMs = this.#options.clock.now();
    this.#look();
  }

  #drained(): void {
    if (this.#state === 'closed') return;
    this.#outlet = 'free';
    this.#timer?.cancel();
    while (this.#outlet === 'free' && this.#queue.length > 0) this.#write(this.#next());
    if (this.#bytes === 0) this.#emptied?.();
    if (this.#room === 'some' || this.#bytes > this.limits.bytesMax / 2) return;
    this.#room = 'some';
    this.#options.onRoom();
  }

  #next(): Buffer {
    let count = 0;
    let bytes = 0;
    for (const waiting of this.#queue) {
      if (count > 0 && bytes + waiting.bytes.length > writeBytesMax) break;
      count += 1;
      bytes += waiting.bytes.length;
    }
    const taken = this.#queue.splice(0, count).map((waiting) => waiting.bytes);
    this.#bytes -= bytes;
    this.#options.waiting.give(bytes);
    return taken.length === 1 && taken[0] ? taken[0] : Buffer.concat(taken, bytes);
  }

  /** Again and again while he lets us wait. */
  #look(): void {
    const { clock, onSlow } = this.#options;
    this.#timer = clock.after(
      lookEveryMs,
      () => {
        const slow = this.#slowness();
        if (slow === undefined) return this.#look();
        this.close();
        onSlow(slow);
      },
      { ref: false },
    );
  }

  #slowness(): string | undefined {
    const nowMs = this.#options.clock.now();
    const restMs = nowMs - this.#takenMs;
    const full = `${this.#bytes} bytes wait for the caller`;
    if (this.#room === 'none' && this.limits.slowBy === 'age') {
      const ageMs = nowMs - (this.#queue[0]?.sinceMs ?? nowMs);
      return ageMs >= fullMsMax ? `${full}, some for ${Math.round(ageMs)} ms` : undefined;
    }
    const restMsMax = this.#room === 'none' ? fullMsMax : takenNothingMsMax;
    return restMs >= restMsMax ? `${full}, who took nothing for ${Math.round(restMs)} ms` : undefined;
  }
}
