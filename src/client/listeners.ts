// Who is told of which event. A listener that throws disturbs nobody: neither the others nor the connection.
import type { ConnectionEvent, EventOf, EventType } from './events.ts';
import { undisturbed } from './uncaught.ts';

export type Listener<T extends EventType | 'event'> = (
  event: T extends EventType ? EventOf<T> : ConnectionEvent,
) => void;

export class Listeners {
  readonly #byType = new Map<string, Set<(event: ConnectionEvent) => void>>();

  /** @returns its undo */
  add<T extends EventType | 'event'>(type: T, listener: Listener<T>): () => void {
    // A wrapper of its own: the same function added twice is two listeners, each with its undo.
    const entry = (event: ConnectionEvent) => (listener as (event: ConnectionEvent) => void)(event);
    const entries = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, entries.add(entry));
    return () => {
      entries.delete(entry);
    };
  }

  tell(event: ConnectionEvent): void {
    for (const type of [event.type, 'event']) {
      for (const listener of [...(this.#byType.get(type) ?? [])]) {
        undisturbed(() => listener(event));
      }
    }
  }

  clear(): void {
    for (const entries of this.#byType.values()) entries.clear();
    this.#byType.clear();
  }
}
