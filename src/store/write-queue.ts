// What waits for the disk: gathered into batches, one of them under way at a time, bounded in bytes. Knows no disk and no
// thread, only somebody to send batches to. A batch that is refused is kept and tried again; what finds no room is lost,
// counted, and told once when it begins and once when it is over.
//
//     health:   well ──a batch is refused──▶ refused ──no room──▶ losing ──▶ well   (a batch is written, and there is room)
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { Flushed, Write } from './store.ts';

export type Sent =
  /** `refused`: rows that this database will never take: a fault of ours. */
  | { readonly state: 'written'; readonly refused: number; readonly why: string | null }
  | { readonly state: 'later'; readonly why: string };

export interface WriteQueueOptions {
  readonly clock: Clock;
  readonly limits: QueueLimits;
  /** Never rejects. */
  readonly send: (batch: readonly Write[]) => Promise<Sent>;
  /** A batch took more than a second until it was written, or refused. Default: nobody is told. */
  readonly onSlow?: ((rows: number, ms: number) => void) | undefined;
  /** One line for each change of health. */
  readonly onTrouble: (message: string) => void;
}

export interface QueueLimits {
  /** A row waits so long for others. */
  readonly batchMs: number;
  readonly batchRows: number;
  /** Of everything that waits or is under way. */
  readonly bytesMax: number;
  /** After a refusal. */
  readonly retryMs: number;
}

interface Waiting {
  readonly write: Write;
  readonly bytes: number;
  readonly atMs: number;
}

interface Flush {
  readonly upTo: number;
  /** Rows before it that had no room. */
  readonly lost: number;
  readonly resolve: (flushed: Flushed) => void;
}

/** A row is on disk well within 250 ms: it waits for at most so long, and there is time left for the disk. */
export const limitsDefault: QueueLimits = {
  batchMs: 100,
  batchRows: 500,
  bytesMax: 16 * 1024 * 1024,
  retryMs: 1000,
};

export class WriteQueue {
  readonly #options: WriteQueueOptions;
  #waiting: Waiting[] = [];
  /** Sent, or refused and to be sent again. */
  #batch: readonly Waiting[] = [];
  #state: 'idle' | 'sending' | 'pausing' | 'closed' = 'idle';
  #health: 'well' | 'refused' | 'losing' = 'well';
  #why = 'the disk is slow';
  #timer: Timer | undefined;
  #bytes = 0;
  #accepted = 0;
  #written = 0;
  #lost = 0;
  #flushes: Flush[] = [];

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** Rows that are neither on disk nor lost. */
  get rows(): number {
    return this.#waiting.length + this.#batch.length;
  }

  push(write: Write): void {
    // Whoever still writes then writes too late, and whoever closed it knows.
    if (this.#state === 'closed') return;
    const { clock, limits } = this.#options;
    const bytes = bytesOf(write);
    // One that is larger than all that may wait goes alone.
    if (this.rows > 0 && this.#bytes + bytes > limits.bytesMax) {
      this.#lost += 1;
      return this.#become(
        'losing',
        `${this.#bytes} bytes of records wait already: ${this.#why}; records are lost`,
      );
    }
    this.#bytes += bytes;
    this.#accepted += 1;
    this.#waiting.push({ write, bytes, atMs: clock.now() });
    if (this.#state !== 'idle') return;
    if (this.#waiting.length >= limits.batchRows) this.#send();
    else this.#timer ??= clock.after(limits.batchMs, () => this.#send(), { ref: false });
  }

  flush(): Promise<Flushed> {
    if (this.#state === 'closed') return Promise.resolve({ state: 'lost', why: closedWhy });
    const flushed = new Promise<Flushed>((resolve) => {
      this.#flushes.push({ upTo: this.#accepted, lost: this.#lost, resolve });
    });
    this.#tellFlushed();
    if (this.#state !== 'sending') this.#send();
    return flushed;
  }

  /** Nothing is sent any more. @returns the rows that never got to the disk, as far as nobody was told */
  close(): number {
    this.#disarm();
    this.#state = 'closed';
    const lost = this.#lost + this.rows;
    this.#waiting = [];
    this.#batch = [];
    this.#failFlushes(closedWhy);
    return lost;
  }

  #send(): void {
    this.#disarm();
    if (this.#batch.length === 0) this.#batch = this.#waiting.splice(0, this.#options.limits.batchRows);
    if (this.#batch.length === 0) return;
    this.#state = 'sending';
    const batch = this.#batch.map(({ write }) => write);
    const { clock, send, onSlow } = this.#options;
    const beganMs = clock.now();
    void send(batch).then((sent) => {
      const ms = clock.now() - beganMs;
      if (ms > slowMs) onSlow?.(batch.length, ms);
      this.#sent(sent);
    });
  }

  #sent(sent: Sent): void {
    if (this.#state === 'closed') return;
    if (sent.state === 'later') return this.#refused(sent.why);
    this.#state = 'idle';
    this.#written += this.#batch.length;
    this.#bytes -= this.#batch.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#batch = [];
    if (sent.refused > 0) this.#options.onTrouble(`${sent.refused} records were refused: ${sent.why}`);
    this.#recover();
    this.#tellFlushed();
    this.#goOn();
  }

  #goOn(): void {
    const { clock, limits } = this.#options;
    const [oldest] = this.#waiting;
    if (!oldest) return;
    // While the disk was busy the others have waited too.
    const leftMs = oldest.atMs + limits.batchMs - clock.now();
    const hurry = this.#flushes.length > 0 || this.#waiting.length >= limits.batchRows || leftMs <= 0;
    if (hurry) this.#send();
    else this.#timer = clock.after(leftMs, () => this.#send(), { ref: false });
  }

  #refused(why: string): void {
    const { clock, limits } = this.#options;
    this.#state = 'pausing';
    this.#why = why;
    if (this.#health === 'well')
      this.#become('refused', `records cannot be written: ${why}; ${this.rows} wait, and it is tried again`);
    this.#failFlushes(why);
    this.#timer = clock.after(limits.retryMs, () => this.#send(), { ref: false });
  }

  #recover(): void {
    const { limits } = this.#options;
    // A little room that is gone with the next row is no recovery.
    if (this.#health === 'well' || this.#bytes > limits.bytesMax / 2) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#why = 'the disk is slow';
    this.#become('well', `records are written again; ${lost} were lost`);
  }

  #become(health: 'well' | 'refused' | 'losing', message: string): void {
    if (this.#health === health) return;
    this.#health = health;
    this.#options.onTrouble(message);
  }

  #tellFlushed(): void {
    const through = this.#flushes.filter(({ upTo }) => upTo <= this.#written);
    this.#flushes = this.#flushes.filter(({ upTo }) => upTo > this.#written);
    for (const { lost, resolve } of through)
      resolve(lost === 0 ? { state: 'saved' } : { state: 'lost', why: `${lost} rows had no room` });
  }

  #failFlushes(why: string): void {
    for (const { resolve } of this.#flushes.splice(0)) resolve({ state: 'lost', why });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

const closedWhy = 'the store is closed';
const slowMs = 1000;

/** What a row costs besides its text, in memory and as a message: a generous guess. */
const rowBytes = 400;

function bytesOf({ row }: Write): number {
  const texts = [
    'text' in row ? row.text : null,
    ...('result' in row ? [row.result, row.raw, row.message] : []),
  ];
  return rowBytes + 2 * texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}
