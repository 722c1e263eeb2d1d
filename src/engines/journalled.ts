// One instance of an engine, followed by the journal: its marker is the journal's, its process is written there when it
// is there, and it is over when the instance's scope closes.
import { endpointText } from './endpoint.ts';
import type { EngineInstance, SpawnRequest } from './instance.ts';
import type { Journal } from './journal.ts';

export class JournalledInstance {
  readonly #journal: Journal;
  #marker: string | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The request to spawn it by. @param instance once it is there */
  follow(given: SpawnRequest, instance: () => EngineInstance | undefined): SpawnRequest {
    const marker = this.#journal.begin(given.marker, given.engine);
    this.#marker = marker;
    const climbed: SpawnRequest['events']['climbed'] = (rung) => {
      const { pid = null, endpoint = null } = instance() ?? {};
      // A thread has no process of its own; what it starts carries the marker.
      if (rung === 'spawned' && pid !== null)
        this.#journal.spawned(marker, pid, endpoint && endpointText(endpoint));
      given.events.climbed(rung);
    };
    return { ...given, marker, events: { ...given.events, climbed } };
  }

  ended(): void {
    if (this.#marker !== undefined) this.#journal.ended(this.#marker);
  }
}
