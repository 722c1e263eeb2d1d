// Engines that are started anew with a pipeline: made beside those that are there, put in their place when the generation
// that asks them is current, dropped when no generation asks them any more. Owns those that nobody knows by name.
import type { EngineConfig } from '../config/types.ts';
import type { Engine } from '../engines/engine.ts';
import { availableBytes } from '../engines/memory.ts';
import { type Renewal, renewalOf } from '../engines/renewal.ts';
import type { Supervisor } from '../engines/supervisor.ts';
import { messageOf } from '../lifecycle/errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { PipelineTable } from './pipeline-table.ts';

export interface RenewalsOptions {
  readonly table: PipelineTable;
  readonly supervisor: Supervisor;
  readonly log: Log;
  /** Default: the system is asked. */
  readonly available?: () => Promise<number | null>;
}

/** Those that were made for one generation, by name. */
export type Renewed = ReadonlyMap<string, Engine>;

export class Renewals {
  readonly #options: RenewalsOptions;
  /** Of generations that are not current yet, as `NAME/NUMBER`. */
  readonly #pending = new Map<string, Renewed>();
  /** Nobody is given them by name; a generation may still ask them. */
  readonly #retired = new Set<Engine>();

  constructor(options: RenewalsOptions) {
    this.#options = options;
    options.table.changes.listen(({ pipeline, generation, state }) => {
      const key = `${pipeline}/${generation}`;
      const renewed = this.#pending.get(key);
      if (renewed && (state === 'current' || state === 'closed')) {
        this.#pending.delete(key);
        if (state === 'current') this.#put(renewed, pipeline);
        else for (const engine of renewed.values()) this.#retired.add(engine);
      }
      if (state === 'current' || state === 'closed') this.sweep();
    });
  }

  plan(names: readonly string[]): Promise<readonly Renewal[]> {
    const { supervisor, available = availableBytes } = this.#options;
    const configs = names.flatMap((name) => supervisor.configs().find((each) => each.name === name) ?? []);
    return Promise.all(configs.map((config) => renewalOf(config, config, available)));
  }

  /** What the plan says, for a generation that is built next: those beside are made, the others are asked to restart. */
  begin(plan: readonly Renewal[], pipeline: string, generation: number): Renewed {
    const { supervisor } = this.#options;
    const renewed = new Map<string, Engine>();
    for (const { name, way } of plan) {
      const config = supervisor.configs().find((each) => each.name === name);
      if (!config) continue;
      if (way === 'beside') renewed.set(name, supervisor.beside(config));
      if (way === 'in_place') supervisor.renew(supervisor.get(name), config);
    }
    if (renewed.size > 0) this.#pending.set(`${pipeline}/${generation}`, renewed);
    return renewed;
  }

  /** What was begun for a generation that is not to be. */
  forget(pipeline: string, generation: number): void {
    const key = `${pipeline}/${generation}`;
    for (const engine of this.#pending.get(key)?.values() ?? []) this.#retired.add(engine);
    this.#pending.delete(key);
    this.sweep();
  }

  /** Another engine of this name, or none, is to be known; the one before serves those who have it. */
  replace(name: string, config: EngineConfig | undefined): void {
    const { supervisor } = this.#options;
    const known = supervisor.configs().some((each) => each.name === name);
    const engine = config && supervisor.beside(config);
    const before = engine ? supervisor.put(engine) : known ? supervisor.withdraw(name) : undefined;
    if (before) this.#retired.add(before);
    if (config?.start === 'eager') engine?.start();
  }

  /** Drops those that no generation asks any more. */
  sweep(): void {
    const { table, supervisor, log } = this.#options;
    for (const engine of this.#retired) {
      if (table.asks(engine)) continue;
      this.#retired.delete(engine);
      void supervisor
        .drop(engine, table.config.sessions.drainMs)
        .catch((error: unknown) =>
          log.error({ error }, `engine ${engine.name}: the instance of before: ${messageOf(error)}`),
        );
    }
  }

  /** The engines have other users too: they get them in a generation of their own. */
  #put(renewed: Renewed, pipeline: string): void {
    const { table, supervisor, log } = this.#options;
    const before = new Set<Engine>();
    for (const engine of renewed.values()) {
      const one = supervisor.put(engine);
      if (one) before.add(one);
    }
    for (const engine of before) this.#retired.add(engine);
    for (const line of table.lines()) {
      const { current, name } = line;
      if (name === pipeline || !current || ![...table.enginesOf(current)].some((each) => before.has(each)))
        continue;
      try {
        line.restart(
          'replace',
          table.builder(name, (engine) => supervisor.get(engine)),
        );
      } catch (error) {
        log.warn({ error, pipeline: name }, `pipeline ${name} keeps its engines: ${messageOf(error)}`);
      }
    }
  }
}
