// Why watchers were sent away, by their names, until they come back with the same token: a peer that does not read never hears it otherwise.
import type { EvictionFacts } from '../wire/hub.ts';

interface Named {
  readonly client: string;
  readonly principal: string;
}

const keptMax = 10_000;

export class Evictions {
  readonly #kept = new Map<string, EvictionFacts>();

  keep(named: Named, facts: EvictionFacts): void {
    const name = nameOf(named);
    this.#kept.delete(name);
    this.#kept.set(name, facts);
    const [oldest] = this.#kept.size > keptMax ? this.#kept.keys() : [];
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Told once. */
  take(named: Named): EvictionFacts | undefined {
    const name = nameOf(named);
    const facts = this.#kept.get(name);
    this.#kept.delete(name);
    return facts;
  }
}

const nameOf = ({ principal, client }: Named): string => `${principal} ${client}`;
