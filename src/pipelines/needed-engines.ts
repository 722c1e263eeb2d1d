// The engines of a pipeline, as one: where they stand, woken, held while a session is open.
import type { Engine } from '../engines/engine.ts';
import { type PipelineReadiness, readinessOf } from './pipeline.ts';

export class NeededEngines {
  readonly names: readonly string[];
  readonly #engines: readonly Engine[];

  constructor(engines: readonly Engine[]) {
    this.#engines = engines;
    this.names = engines.map(({ name }) => name);
  }

  need(): void {
    for (const engine of this.#engines) engine.need();
  }

  readiness(): PipelineReadiness {
    return readinessOf(this.#engines.map((engine) => engine.status()));
  }

  /** Told of every change in one of them; returns the undo. */
  onChange(listener: () => void): () => void {
    const undo = this.#engines.map((engine) => engine.onChange(listener));
    return () => {
      for (const leave of undo) leave();
    };
  }

  /** None of them is unloaded until the undo. */
  hold(): () => void {
    const holds = this.#engines.map(({ lobby }) => lobby.hold());
    return () => {
      for (const release of holds) release();
    };
  }
}
