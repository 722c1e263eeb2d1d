// What every pipeline is, however it answers: a name, what its sessions begin with, and engines that have to be ready, seen
// as one: where they stand, woken, held while a session is open.
import type { Engine } from '../engines/engine.ts';
import { type PipelineReadiness, readinessOf } from './pipeline.ts';

export interface PipelineFacts {
  readonly name: string;
  /** Default 1. */
  readonly generation?: number;
  /** Engines that have to be ready, each once. */
  readonly needs: readonly Engine[];
  /** Undefined: whatever answers begins with its own. */
  readonly voice: string | undefined;
  readonly instructions: string | undefined;
}

/** Of a session whose pipeline names none. */
export const voiceDefault = 'default';

export abstract class OnEngines {
  readonly name: string;
  readonly generation: number;
  readonly voice: string;
  readonly instructions: string;
  /** Names. */
  readonly needs: readonly string[];
  readonly #engines: readonly Engine[];

  constructor({ name, generation = 1, needs, voice = voiceDefault, instructions = '' }: PipelineFacts) {
    this.name = name;
    this.generation = generation;
    this.voice = voice;
    this.instructions = instructions;
    this.needs = needs.map((engine) => engine.name);
    this.#engines = needs;
  }

  need(): void {
    for (const engine of this.#engines) engine.need();
  }

  readiness(): PipelineReadiness {
    return readinessOf(this.#engines.map((engine) => engine.status()));
  }

  onChange(listener: () => void): () => void {
    const undo = this.#engines.map((engine) => engine.onChange(listener));
    return () => {
      for (const leave of undo) leave();
    };
  }

  /** None of its engines is unloaded until the undo. */
  hold(): () => void {
    const holds = this.#engines.map(({ lobby }) => lobby.hold());
    return () => {
      for (const release of holds) release();
    };
  }
}
