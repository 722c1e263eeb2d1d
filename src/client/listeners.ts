// Who is told of what. A listener that throws disturbs nobody: neither the others nor the connection.
import type { ConnectionEvent, EventOf, EventType } from './events.ts';
import { undisturbed } from './uncaught.ts';

export type Listener<T extends EventType | 'event'> = (
  event: T extends EventType ? EventOf<T> : ConnectionEvent,
) => void;

/** `Told`: what is told, by its name. */
export class Listeners<Told extends object> {
  readonly #byType = new Map<keyof Told, Set<(event: never) => void>>();

  /** @returns its undo */
  add<T extends keyof Told>(type: T, listener: (event: Told[T]) => void): () => void {
    // A wrapper of its own: the same function added twice is two listeners, each with its undo.
    const entry = (event: Told[T]) => listener(event);
    const entries = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, entries.add(entry));
    return () => {
      entries.delete(entry);
    };
  }

  tell<T extends keyof Told>(type: T, event: Told[T]): void {
    for (const listener of [...(this.#byType.get(type) ?? [])]) {
      undisturbed(() => (listener as (event: Told[T]) => void)(event));
    }
  }

  clear(): void {
    for (const entries of this.#byType.values()) entries.clear();
    this.#byType.clear();
  }
}
