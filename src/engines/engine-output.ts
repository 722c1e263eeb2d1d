// What one engine has written lately, over all of its runs, for those who look on: bounded, and cheap while it floods.
// What is kept for good is in its log files.
import { Announcer } from '../telemetry/announcer.ts';

/** Characters that are kept. */
const charsMax = 256 * 1024;

export class EngineOutput {
  /** Whole lines, as they came. */
  readonly written: Announcer<string>;
  readonly #pieces: string[] = [];
  #chars = 0;

  constructor(onListenerFault: (error: unknown) => void) {
    this.written = new Announcer(onListenerFault);
  }

  /** @param text whole lines, each with its end; masked */
  append(text: string): void {
    const kept = text.length > charsMax ? text.slice(text.length - charsMax) : text;
    this.#pieces.push(kept);
    this.#chars += kept.length;
    while (this.#chars > charsMax) this.#chars -= this.#pieces.shift()?.length ?? 0;
    this.written.announce(text);
  }

  /** The last lines, the oldest first. */
  tail(count: number): readonly string[] {
    const lines = this.#pieces.join('').split('\n');
    lines.pop();
    return count > 0 ? lines.slice(-count) : [];
  }
}
