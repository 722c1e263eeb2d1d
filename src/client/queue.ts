// First in, first out. An array's own `shift` moves all that is behind, which makes a long queue slower than what fills
// it: whoever is behind would never catch up.

/** What was taken is let go of when it is this much, and more than is left. */
const takenMax = 1024;

export class Queue<T> {
  #items: (T | undefined)[] = [];
  #taken = 0;

  get length(): number {
    return this.#items.length - this.#taken;
  }

  /** The oldest. */
  get first(): T | undefined {
    return this.#items[this.#taken];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const { first } = this;
    this.#items[this.#taken] = undefined;
    this.#taken += 1;
    if (this.length === 0 || (this.#taken > takenMax && this.#taken > this.length)) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return first;
  }

  clear(): void {
    this.#items = [];
    this.#taken = 0;
  }
}
