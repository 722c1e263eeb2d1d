// Sends long texts over a client's connection: in fragments (RFC 6455, 5.4), one a turn of the loop, so that neither masking
// them nor TLS holds it. Pings may come in between; everything else that is sent waits its turn. The scope's end is its end.
import { randomFillSync } from 'node:crypto';
import type { Writable } from 'node:stream';
import { turn } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { LongText } from '../wire/long-text.ts';
import { applyMask } from '../wire/mask.ts';

const fragmentBytes = 256 * 1024;
const headBytes = 14;
const textCode = 0x01;
const finalBit = 0x80;
const maskedLong = 0xff;

export class LongSends {
  readonly #scope: Scope;
  readonly #isOpen: () => boolean;
  readonly #waiting: (() => Promise<void> | undefined)[] = [];
  #state: 'idle' | 'sending' = 'idle';

  constructor(scope: Scope, isOpen: () => boolean) {
    this.#scope = scope;
    this.#isOpen = isOpen;
  }

  get busy(): boolean {
    return this.#state === 'sending';
  }

  /** After what is being sent. */
  queue(send: () => undefined): void {
    this.#waiting.push(send);
  }

  /** `onGone`: bytes have left for the kernel, or never will. */
  send(below: Writable, text: LongText, onGone: (bytes: number) => void): void {
    this.#waiting.push(() => this.#fragments(below, text, onGone));
    if (this.#state === 'sending') return;
    this.#state = 'sending';
    this.#scope.spawn('send a long text', async (signal) => {
      for (let next = this.#waiting.shift(); next && !signal.aborted; next = this.#waiting.shift())
        await next();
      this.#state = 'idle';
    });
  }

  async #fragments(below: Writable, text: LongText, onGone: (bytes: number) => void): Promise<void> {
    const fragments = text.parts.flatMap(cut);
    for (const [index, bytes] of fragments.entries()) {
      if (index > 0) await turn(this.#scope.clock);
      if (!this.#isOpen()) return onGone(fragments.slice(index).reduce((sum, { length }) => sum + length, 0));
      const head = headOf(bytes, index, fragments.length);
      below.cork();
      below.write(head);
      below.write(bytes, () => onGone(bytes.length));
      below.uncork();
    }
  }
}

function cut(part: Buffer): readonly Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < part.length; at += fragmentBytes) pieces.push(part.subarray(at, at + fragmentBytes));
  return pieces;
}

/** Masks them with what nobody could know. */
function headOf(bytes: Buffer, index: number, count: number): Buffer {
  const head = Buffer.alloc(headBytes);
  head[0] = (index === 0 ? textCode : 0) | (index === count - 1 ? finalBit : 0);
  head[1] = maskedLong;
  head.writeBigUInt64BE(BigInt(bytes.length), 2);
  const mask = randomFillSync(head.subarray(10));
  applyMask(bytes, mask, 0);
  return head;
}
