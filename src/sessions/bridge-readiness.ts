// What a bridged call waits for: the engines of its pipeline, and then its upstream, shown as one of them.
import type { Clock } from '../lifecycle/clock.ts';
import type { PipelineBasics } from '../pipelines/pipeline.ts';
import type { Awaited, AwaitedThings, Readiness } from './lobby.ts';

export class BridgeReadiness implements AwaitedThings {
  readonly #pipeline: PipelineBasics;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #upstream: 'idle' | 'starting' | 'ready' = 'idle';
  #sinceMs: number;

  constructor(pipeline: PipelineBasics, clock: Clock) {
    this.#pipeline = pipeline;
    this.#clock = clock;
    this.#sinceMs = clock.now();
  }

  /** Whether the engines are there. */
  get engines(): Readiness['state'] {
    return this.#pipeline.readiness().state;
  }

  become(upstream: 'starting' | 'ready'): void {
    this.#upstream = upstream;
    if (upstream === 'starting') this.#sinceMs = this.#clock.now();
    for (const listener of [...this.#listeners]) listener();
  }

  need(): void {
    this.#pipeline.need();
  }

  readiness(): Readiness {
    const { state, engines } = this.#pipeline.readiness();
    const all = [...engines, this.#shown()];
    // Once upstream is there the call does without the engines: work beside it asks for them itself.
    if (this.#upstream === 'ready') return { state: 'ready', engines: all };
    return { state: state === 'ready' ? 'waiting' : state, engines: all };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    const leave = this.#pipeline.onChange(listener);
    return () => {
      this.#listeners.delete(listener);
      leave();
    };
  }

  #shown(): Awaited {
    const elapsedMs = this.#upstream === 'starting' ? Math.round(this.#clock.now() - this.#sinceMs) : 0;
    return {
      ...{ name: 'upstream', state: this.#upstream, rung: null, progress: null, elapsedMs, etaMs: null },
      ...{ text: this.#upstream === 'starting' ? 'connecting' : null, failure: null },
    };
  }
}
