// What a caller sends, handled in order and by measure: while the caller does not take what it asked for, and after it
// has held the loop for a while, its frames are kept; when that is much, its connection is not read any more. So nobody
// is kept from his turn by what another one sends, and what is kept is bounded.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { operations } from '../telemetry/operations.ts';
import type { LongText } from '../wire/long-text.ts';
import type { ClientFrame } from '../wire/text-frame.ts';
import type { Transport } from './transport.ts';

/** A frame: its text, or null for a binary one. */
export type CallerText = string | LongText | null;

export interface InboxOptions {
  /** Id of the session. */
  readonly id: string;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Whether the caller has too much to take, or to be done for it. Whoever ends that calls `resume`. */
  readonly isFull: () => boolean;
  readonly handle: (text: CallerText) => void;
  /** A frame before it is made a text: whether it was taken as it is. Default: none is. */
  readonly handleFrame?: (frame: ClientFrame) => boolean;
}

/** One caller's frames may hold the loop for so long in a row; then it rests for twice as long as they took. */
const holdMsMax = 8;
const restShare = 2;
const restMsMax = 1000;
/** A pause as long as this between two frames: the loop has turned. */
const turnedMs = 1;
/** Kept while the connection is still read: pongs come that way, and tell that the caller takes what it is sent. */
const keptCharsMax = 1024 * 1024;

export class Inbox {
  readonly #options: InboxOptions;
  #kept: CallerText[] = [];
  #keptChars = 0;
  /** Nothing is handled before the first `resume`. */
  #state: 'open' | 'full' | 'resting' | 'closed' = 'full';
  #reading: 'on' | 'paused' = 'on';
  #rest: Timer | undefined;
  #heldMs = 0;
  #handledMs = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  receive(text: CallerText): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') return this.#handle(text);
    this.#kept.push(text);
    this.#keptChars += text?.length ?? 0;
    if (this.#keptChars <= keptCharsMax || this.#reading === 'paused') return;
    this.#reading = 'paused';
    this.#options.transport.pause();
  }

  /** False: it is to come as a text. So does what has to wait: that is kept. */
  receiveFrame(frame: ClientFrame): boolean {
    const { clock, handleFrame } = this.#options;
    if (this.#state !== 'open' || !handleFrame) return false;
    const beganMs = clock.now();
    const taken = handleFrame(frame);
    this.#handled(beganMs);
    return taken;
  }

  /** There is room again: goes on where it stopped. */
  resume(): void {
    if (this.#state === 'full') this.#goOn();
  }

  close(): void {
    this.#state = 'closed';
    this.#rest?.cancel();
    this.#kept = [];
  }

  #goOn(): void {
    this.#state = this.#options.isFull() ? 'full' : 'open';
    let at = 0;
    while (at < this.#kept.length && this.#state === 'open') {
      const text = this.#kept[at++] ?? null;
      this.#keptChars -= text?.length ?? 0;
      this.#handle(text);
    }
    this.#kept = this.#kept.slice(at);
    if (this.#kept.length > 0 || this.#reading === 'on') return;
    this.#reading = 'on';
    this.#options.transport.resume();
  }

  #handle(text: CallerText): void {
    const { id, clock, handle } = this.#options;
    const beganMs = clock.now();
    operations.during('session message', id, () => handle(text));
    this.#handled(beganMs);
  }

  #handled(beganMs: number): void {
    const { clock, isFull } = this.#options;
    if (beganMs - this.#handledMs > turnedMs) this.#heldMs = 0;
    this.#handledMs = clock.now();
    this.#heldMs += this.#handledMs - beganMs;
    if (this.#state !== 'open') return;
    if (this.#heldMs > holdMsMax) this.#restFor(Math.min(restMsMax, this.#heldMs * restShare));
    else if (isFull()) this.#state = 'full';
  }

  #restFor(ms: number): void {
    this.#state = 'resting';
    const rested = () => {
      this.#heldMs = 0;
      if (this.#state === 'resting') this.#goOn();
    };
    this.#rest = this.#options.clock.after(ms, rested, { ref: false });
  }
}
