// Answers and notices that wait for a connection that takes nothing: bounded, before whatever event comes next.
// Losses that follow each other are told as one.
import type { GapFacts } from '../wire/hub.ts';
import { controlBytes, type Form } from './frames.ts';

const messagesMax = 64;
const bytesMax = 256 * 1024;

export const untoldLimit = `${messagesMax} answers or ${bytesMax} bytes of them`;

export class Untold {
  #messages: Buffer[] = [];
  #bytes = 0;
  #gap: GapFacts | undefined;

  get empty(): boolean {
    return this.#messages.length === 0 && !this.#gap;
  }

  get overfull(): boolean {
    return this.#messages.length > messagesMax || this.#bytes > bytesMax;
  }

  push(bytes: Buffer): void {
    this.#messages.push(bytes);
    this.#bytes += bytes.length;
  }

  lost({ from, to, count, reason }: GapFacts): void {
    const before = this.#gap;
    const sum = before && (before.count === null || count === null ? null : before.count + count);
    this.#gap = before ? { from: before.from, to, count: sum ?? null, reason } : { from, to, count, reason };
  }

  /** All of it, which is told now. */
  take(form: Form): Buffer | undefined {
    if (this.#gap) this.push(controlBytes({ type: 'gap', ...this.#gap }, form));
    const told = this.#messages.length > 0 ? Buffer.concat(this.#messages) : undefined;
    this.clear();
    return told;
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
    this.#gap = undefined;
  }
}
