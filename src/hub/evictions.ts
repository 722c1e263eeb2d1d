// Why watchers were sent away, by their ids, until they come back: a peer that does not read never hears it otherwise.
import type { EvictionFacts } from '../wire/hub.ts';

const keptMax = 10_000;

export class Evictions {
  readonly #kept = new Map<string, EvictionFacts>();

  keep(client: string, facts: EvictionFacts): void {
    this.#kept.delete(client);
    this.#kept.set(client, facts);
    const [oldest] = this.#kept.size > keptMax ? this.#kept.keys() : [];
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Told once. */
  take(client: string): EvictionFacts | undefined {
    const facts = this.#kept.get(client);
    this.#kept.delete(client);
    return facts;
  }
}
