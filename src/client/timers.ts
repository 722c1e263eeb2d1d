// The few named timers of one connection, so that all of them can be stopped at its end.

/** What the client needs of time and chance. Of a page, or of whoever simulates one. */
export interface ClientWorld {
  /** Monotonic ms. */
  now(): number;
  after(ms: number, callback: () => void): { cancel(): void };
  /** 0 to 1. */
  random(): number;
}

export const pageWorld: ClientWorld = {
  now: () => performance.now(),
  after(ms, callback) {
    const handle = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(handle) };
  },
  random: () => Math.random(),
};

export class Timers<Name extends string> {
  readonly #world: ClientWorld;
  readonly #running = new Map<Name, { cancel(): void }>();

  constructor(world: ClientWorld) {
    this.#world = world;
  }

  /** One at a time for each name: setting it again moves it. */
  set(name: Name, ms: number, callback: () => void): void {
    this.cancel(name);
    const timer = this.#world.after(ms, () => {
      this.#running.delete(name);
      callback();
    });
    this.#running.set(name, timer);
  }

  has(name: Name): boolean {
    return this.#running.has(name);
  }

  cancel(name: Name): void {
    this.#running.get(name)?.cancel();
    this.#running.delete(name);
  }

  cancelAll(): void {
    for (const name of [...this.#running.keys()]) this.cancel(name);
  }
}
