// What a bridged call holds for its upstream while that is not there: frames as they came, in order. Audio is bounded by
// age and bytes, for the call and over all calls; what is over the bound goes oldest first. Everything else is bounded by
// whoever gives it.
import { commitKey } from '../bridge/state.ts';
import type { LongText } from '../wire/long-text.ts';
import type { AudioBudget } from './input-audio.ts';

export interface EarlyFramesOptions {
  readonly budget: AudioBudget;
  readonly ageMs: number;
  readonly bytesMax: number;
  /** Audio had to go; `why` is for the caller. */
  readonly onDropped: (why: string) => void;
}

interface Frame {
  readonly text: string | LongText;
  readonly key: string | null;
  /** Of audio; 0 for everything else. */
  readonly ms: number;
  readonly bytes: number;
}

export class EarlyFrames {
  readonly #options: EarlyFramesOptions;
  #frames: Frame[] = [];
  #bytes = 0;
  #ms = 0;

  constructor(options: EarlyFramesOptions) {
    this.#options = options;
  }

  hold(frame: Frame): void {
    this.#frames.push(frame);
    this.#count(frame, 1);
    if (frame.bytes > 0) this.#bound();
  }

  /** The audio since the last commit, or what has this key. */
  drop(what: 'audio' | { readonly key: string }): void {
    const from = what === 'audio' ? this.#frames.findLastIndex(({ key }) => key === commitKey) + 1 : 0;
    const goes = (frame: Frame) => (what === 'audio' ? frame.bytes > 0 : frame.key === what.key);
    this.#frames = this.#frames.filter((frame, index) => {
      if (index < from || !goes(frame)) return true;
      this.#count(frame, -1);
      return false;
    });
  }

  /** All that is held, in order; nothing is held any more. */
  take(): readonly (string | LongText)[] {
    const frames = this.#frames;
    this.#frames = [];
    for (const frame of frames) this.#count(frame, -1);
    return frames.map(({ text }) => text);
  }

  #bound(): void {
    const { budget, ageMs, bytesMax, onDropped } = this.#options;
    let dropped = 0;
    while (
      this.#ms > ageMs ||
      this.#bytes > bytesMax ||
      (budget.bytes > budget.bytesMax && this.#bytes > 0)
    ) {
      const at = this.#frames.findIndex(({ bytes }) => bytes > 0);
      const [frame] = this.#frames.splice(at, 1);
      if (!frame) break;
      this.#count(frame, -1);
      dropped += 1;
    }
    if (dropped === 0) return;
    onDropped(`only the last ${(this.#ms / 1000).toFixed(1)} s of input are kept: the oldest was dropped`);
  }

  #count({ bytes, ms }: Frame, sign: 1 | -1): void {
    this.#bytes += sign * bytes;
    this.#ms += sign * ms;
    this.#options.budget.add(sign * bytes);
  }
}
