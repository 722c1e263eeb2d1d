// Typed internal events: areas announce, the gateway forwards. A listener that throws is the listener's fault, and is
// reported instead of breaking the one who announced.

export class Announcer<Event> {
  readonly #listeners = new Set<{ readonly hear: (event: Event) => void }>();
  readonly #onFault: (error: unknown) => void;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  /** From the next event on. Returns the undo, after which it hears nothing, not even the event under way. */
  listen(listener: (event: Event) => void): () => void {
    // An entry of its own: the same function may listen twice, and each undo is for one of them.
    const entry = { hear: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /**
   * The first answer that is not undefined: asked for at once, and after each event.
   * @param unwanted what it rejects with when the signal aborts
   */
  until<Answer>(ask: () => Answer | undefined, signal: AbortSignal, unwanted: () => Error): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const answer = ask();
        if (answer === undefined) return;
        leave();
        resolve(answer);
      };
      const onAbort = () => {
        leave();
        reject(unwanted());
      };
      const unlisten = this.listen(look);
      const leave = () => {
        unlisten();
        signal.removeEventListener('abort', onAbort);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      look();
    });
  }

  announce(event: Event): void {
    for (const entry of [...this.#listeners]) {
      if (!this.#listeners.has(entry)) continue;
      try {
        entry.hear(event);
      } catch (error) {
        this.#onFault(error);
      }
    }
  }
}
