// Speech that cannot be sent yet, oldest first, bounded by age and by bytes: beyond either the oldest is dropped, for
// speech that comes too late is of less use than speech that comes. Knows no timers; the time is given.
import { Queue } from './queue.ts';

export interface SpoolLimits {
  readonly ageMs: number;
  readonly bytes: number;
}

export interface Dropped {
  readonly bytes: number;
  readonly why: 'age' | 'bytes';
}

interface Kept {
  readonly pcm: Int16Array;
  readonly atMs: number;
}

export class AudioSpool {
  readonly #limits: SpoolLimits;
  readonly #kept = new Queue<Kept>();
  #bytes = 0;

  constructor(limits: SpoolLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#kept.length === 0;
  }

  /** Keeps a copy. @returns what had to go for it */
  push(pcm: Int16Array, nowMs: number): readonly Dropped[] {
    if (pcm.length > 0) this.#kept.push({ pcm: pcm.slice(), atMs: nowMs });
    this.#bytes += pcm.byteLength;
    const old = this.prune(nowMs);
    const bytes = this.#dropWhile(() => this.#bytes > this.#limits.bytes);
    return bytes > 0 ? [...old, { bytes, why: 'bytes' }] : old;
  }

  /** Drops what has become too old. */
  prune(nowMs: number): readonly Dropped[] {
    const bytes = this.#dropWhile(({ atMs }) => nowMs - atMs > this.#limits.ageMs);
    return bytes > 0 ? [{ bytes, why: 'age' }] : [];
  }

  /** The oldest. */
  shift(): Int16Array | undefined {
    const first = this.#kept.shift();
    if (first) this.#bytes -= first.pcm.byteLength;
    return first?.pcm;
  }

  #dropWhile(goes: (oldest: Kept) => boolean): number {
    let bytes = 0;
    for (let { first } = this.#kept; first && goes(first); { first } = this.#kept) {
      bytes += first.pcm.byteLength;
      this.shift();
    }
    return bytes;
  }
}
