// Histograms by a word of a closed set, so that there is an end to them: made when the word is first met.
import { Histogram } from './histogram.ts';

export class Histograms<Word extends string> {
  readonly #byWord: Map<Word, Histogram>;

  /** @param words that are listed from the beginning, however few there were. Default: none */
  constructor(words: readonly Word[] = []) {
    this.#byWord = new Map(words.map((word) => [word, new Histogram()]));
  }

  add(word: Word, ms: number): void {
    const histogram = this.#byWord.get(word) ?? new Histogram();
    this.#byWord.set(word, histogram);
    histogram.add(ms);
  }

  /** Words that were ever met, and those it began with. */
  list(): readonly (readonly [Word, Histogram])[] {
    return [...this.#byWord];
  }
}
