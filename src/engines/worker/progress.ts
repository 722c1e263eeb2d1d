// What a loading engine says of its progress, at a bounded rate: the gateway shows it to everybody who waits. A few may
// come at once, since a load may block right after them; of a flood the latest is told, twenty times a second.
import { neededChars } from '../shown.ts';
import { type FromHost, progressCharsMax } from './protocol.ts';

const everyMs = 50;
const atOnceMax = 20;

export class Progress {
  readonly #post: (message: FromHost) => void;
  #allowance = atOnceMax;
  #refilledMs = performance.now();
  #latest: FromHost | undefined;
  #timer: NodeJS.Timeout | undefined;
  #state: 'open' | 'ended' = 'open';

  constructor(post: (message: FromHost) => void) {
    this.#post = post;
  }

  tell(fraction: number, text?: string): void {
    if (this.#state === 'ended') return;
    const done = Math.min(1, Math.max(0, Number(fraction) || 0));
    const said = text === undefined ? null : String(text).slice(0, neededChars(progressCharsMax));
    this.#latest = { type: 'progress', fraction: done, text: said };
    const nowMs = performance.now();
    this.#allowance = Math.min(atOnceMax, this.#allowance + (nowMs - this.#refilledMs) / everyMs);
    this.#refilledMs = nowMs;
    if (this.#allowance >= 1) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), everyMs);
  }

  /** The load is over. */
  end(): void {
    this.#state = 'ended';
    this.#latest = undefined;
    clearTimeout(this.#timer);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#latest) return;
    this.#allowance -= 1;
    this.#post(this.#latest);
    this.#latest = undefined;
  }
}
