// How long engines took to load, and how long they will: follows each engine's life from outside, records every run, and
// estimates a load from the last ones of the same model. The life itself knows nothing of it.
import { randomUUID } from 'node:crypto';
import type { EngineConfig } from '../config/types.ts';
import type { Clock } from '../lifecycle/clock.ts';
import type { EngineRunRow } from '../store/store.ts';
import { modelKeyOf } from './model-key.ts';
import type { EngineLife } from './state.ts';

export interface LoadHistory {
  /** Ms of the last successful loads, the newest first. May reject: then there is no estimate. */
  lastLoads(modelKey: string, count: number): Promise<readonly number[]>;
  /** What is known of a run; again whenever more is known. Never throws. */
  record(run: Omit<EngineRunRow, 'run'>): void;
}

export interface EngineLoadsOptions {
  readonly history: LoadHistory;
  readonly clock: Clock;
  /** The estimate of an engine that loads is known from now on. */
  readonly onEstimate: (engine: string) => void;
}

/** A load is estimated from so many: their median, so that one odd load does not matter. */
const loadsCounted = 5;

interface Run {
  readonly instance: number;
  readonly modelKey: Promise<string>;
  row: Omit<EngineRunRow, 'run' | 'modelKey'>;
  expectedMs: number | null;
}

export class EngineLoads {
  readonly #options: EngineLoadsOptions;
  /** Of each engine the run it is in. */
  readonly #runs = new Map<string, Run>();

  constructor(options: EngineLoadsOptions) {
    this.#options = options;
  }

  /** Of the load under way; null where nobody knows. */
  expectedMs(engine: string): number | null {
    return this.#runs.get(engine)?.expectedMs ?? null;
  }

  /** The life of an engine has gone a step. */
  stepped(config: EngineConfig, before: EngineLife, life: EngineLife): void {
    const run = this.#runs.get(config.name);
    if (life.instance !== before.instance) {
      // Stopped and started in one step.
      if (run) this.#end(config.name, run, before);
      return this.#begin(config, life.instance);
    }
    if (!run) return;
    if (life.readyMs !== null && before.readyMs === null) {
      const loadMs = Math.round(life.readyMs - life.startedMs);
      this.#record(run, { readyAtMs: this.#options.clock.wallTime(), loadMs });
    }
    if (life.goneMs !== null && before.goneMs === null) this.#end(config.name, run, life);
  }

  #begin(config: EngineConfig, instance: number): void {
    const { name: engine, kind } = config;
    const row = { id: randomUUID(), engine, kind, spawnedAtMs: this.#options.clock.wallTime() };
    const run: Run = {
      instance,
      modelKey: modelKeyOf(config),
      row: { ...row, readyAtMs: null, endedAtMs: null, loadMs: null, outcome: null },
      expectedMs: null,
    };
    this.#runs.set(engine, run);
    this.#record(run, {});
    void this.#estimate(engine, run);
  }

  #end(engine: string, run: Run, life: EngineLife): void {
    this.#runs.delete(engine);
    const failed = life.state === 'backoff' || life.state === 'failed';
    const outcome = failed ? (life.failure?.code ?? 'engine_exited') : 'stopped';
    this.#record(run, { endedAtMs: this.#options.clock.wallTime(), outcome });
  }

  /** In order: each waits for the same key. */
  #record(run: Run, more: Partial<Run['row']>): void {
    run.row = { ...run.row, ...more };
    const { row } = run;
    void run.modelKey.then((modelKey) => this.#options.history.record({ ...row, modelKey }));
  }

  async #estimate(engine: string, run: Run): Promise<void> {
    const { history, onEstimate } = this.#options;
    try {
      const loads = await history.lastLoads(await run.modelKey, loadsCounted);
      run.expectedMs = median(loads);
    } catch {
      // The store says itself why it cannot be read; an estimate is no reason to say it again.
      return;
    }
    const loading = this.#runs.get(engine) === run && run.row.readyAtMs === null;
    if (loading && run.expectedMs !== null) onEstimate(engine);
  }
}

function median(loads: readonly number[]): number | null {
  const sorted = loads.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
