// The few named timers of one connection, so that all of them can be stopped at its end. The client takes no Clock: it
// has to run in a page, where there are only these.

export class Timers<Name extends string> {
  readonly #running = new Map<Name, ReturnType<typeof setTimeout>>();

  /** One at a time for each name: setting it again moves it. */
  set(name: Name, ms: number, callback: () => void): void {
    this.cancel(name);
    this.#running.set(name, setTimeout(callback, ms));
  }

  cancel(name: Name): void {
    clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  cancelAll(): void {
    for (const name of this.#running.keys()) this.cancel(name);
  }
}
