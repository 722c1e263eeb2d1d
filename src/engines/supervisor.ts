// All engines of a gateway: made from the configuration, started, shown, stopped in parallel. Starts the reaper, which
// the gateway closes when nothing of theirs can be left.
import type { EngineConfig } from '../config/types.ts';
import { delay } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { Announcer } from '../telemetry/announcer.ts';
import { dropEngine } from './drop-engine.ts';
import { Engine } from './engine.ts';
import { EngineGroup, type EngineTurns } from './engine-group.ts';
import { EngineOutput } from './engine-output.ts';
import type { Spawner } from './instance.ts';
import type { Journal } from './journal.ts';
import { EngineLoads, type LoadHistory } from './loads.ts';
import { availableBytes } from './memory.ts';
import { modelKeyOf } from './model-key.ts';
import { type Reaper, startReaper } from './reaper.ts';
import type { SpawnerOptions } from './spawners.ts';
import { atOnce, StartGate } from './start-gate.ts';
import { type EngineLife, type EngineStateWord, limitsDefault } from './state.ts';
import type { EngineStatus } from './status.ts';

export interface EngineChange {
  readonly status: EngineStatus;
  readonly before: EngineStateWord;
}

export interface SupervisorOptions extends Omit<SpawnerOptions, 'reaper' | 'journal'> {
  readonly scope: Scope;
  readonly engines: Readonly<Record<string, EngineConfig>>;
  /** Where runs of engines are recorded, and estimates come from. Default: nowhere. */
  readonly loads?: LoadHistory | undefined;
  /** Failures in a row before an engine is given up. Default 5. */
  readonly attempts?: number;
  /** Looks for further engines once the others have started; they are added and started when they are found. */
  readonly find?: (signal: AbortSignal) => Promise<readonly EngineConfig[]>;
}

type SpawnerOf = (config: EngineConfig, scope: Scope, onLines: (text: string) => void) => Spawner;

const notLoaded: SpawnerOf = (config) => {
  throw new Error(`engine ${config.name} is spawned before the supervisor has started`);
};

/** Somebody else's engine may come back at any time. */
const failuresMaxOf = ({ kind }: EngineConfig): number =>
  kind === 'url' ? Number.POSITIVE_INFINITY : limitsDefault.failuresMax;

/** What an engine was made of. */
interface Made {
  config: EngineConfig;
  readonly scope: Scope;
}

export class Supervisor {
  readonly changes: Announcer<EngineChange>;
  #reaper: Reaper | undefined;
  readonly #options: SupervisorOptions;
  readonly #engines = new Map<string, Engine>();
  readonly #configs = new Map<string, EngineConfig>();
  readonly #outputs = new Map<string, EngineOutput>();
  readonly #made = new Map<Engine, Made>();
  readonly #groups = new Map<string, EngineGroup>();
  readonly #gate = new StartGate();
  #spawnerOf: SpawnerOf = notLoaded;

  constructor(options: SupervisorOptions) {
    const { log } = options;
    this.#options = options;
    this.changes = new Announcer((error) => log.error({ error }, 'a listener of engine changes failed'));
    for (const config of Object.values(options.engines)) this.#add(config);
  }

  /** Started when it is first needed: a spawn costs some ms that the door should not wait for. */
  get reaper(): Reaper {
    const { clock, log } = this.#options;
    this.#reaper ??= startReaper({ clock, onTrouble: (message) => log.warn({}, message) });
    return this.#reaper;
  }

  get(name: string): Engine {
    const engine = this.#engines.get(name);
    if (engine) return engine;
    const names = [...this.#engines.keys()].join(', ') || 'none';
    throw new GreenroomError('not_found', `no engine is called ${name}; there are ${names}`, {
      details: { name },
    });
  }

  /** What the engine has written lately. Throws `not_found`. */
  output(name: string): EngineOutput {
    this.get(name);
    const { log } = this.#options;
    const output =
      this.#outputs.get(name) ??
      new EngineOutput((error) => log.error({ error }, `a listener of engine ${name}'s output failed`));
    this.#outputs.set(name, output);
    return output;
  }

  /** What is known by this name. */
  known(name: string): Engine | undefined {
    return this.#engines.get(name);
  }

  /** Of every engine, those that were found included. */
  configs(): readonly EngineConfig[] {
    return [...this.#configs.values()];
  }

  list(): readonly EngineStatus[] {
    return [...this.#engines.values()].map((engine) => engine.status());
  }

  /**
   * Resolves when those that start by themselves, and those that were needed meanwhile, are starting.
   * @param journal where processes are written down, for the next gateway. Default: nowhere
   */
  async startAll(journal?: Journal): Promise<void> {
    // Before the first engine, and for a gateway without one too: it watches over the leaving.
    void this.reaper;
    // What spawns engines is half of the gateway's code: callers are seated before it is loaded.
    const { spawnerOf } = await import('./spawners.ts');
    const spawning = { ...this.#options, reaper: () => this.reaper, journal };
    this.#spawnerOf = (config, scope, onLines) => spawnerOf(config, scope, onLines, spawning);
    if (this.#options.scope.state !== 'open') return;
    this.#gate.open();
    for (const config of Object.values(this.#options.engines))
      if (config.start === 'eager') this.get(config.name).start();
    const { find, scope } = this.#options;
    if (find) scope.spawn('find', async (signal) => this.#found(await find(signal)));
  }

  /** A further engine beside the one of its name, if there is one; nobody knows it until it is put in its place. */
  beside(config: EngineConfig): Engine {
    return this.#make(config);
  }

  /** Known by its name from now on. Returns the one before, which serves those who have it until it is dropped. */
  put(engine: Engine): Engine | undefined {
    const { name } = engine;
    const before = this.#engines.get(name);
    const config = this.#made.get(engine)?.config;
    if (!config || before === engine) return undefined;
    this.#engines.set(name, engine);
    this.#configs.set(name, config);
    this.changes.announce({ status: engine.status(), before: before?.life.state ?? 'idle' });
    return before;
  }

  /** Nobody is given it by its name any more; it serves those who have it until it is dropped. Throws `not_found`. */
  withdraw(name: string): Engine {
    const engine = this.get(name);
    this.#engines.delete(name);
    this.#configs.delete(name);
    return engine;
  }

  /** What its next instance is started from: at once, when the calls under way have ended. */
  renew(engine: Engine, config: EngineConfig): void {
    this.note(engine, config);
    // One that nobody has asked for yet is none the less as it is to be.
    if (engine.life.state !== 'idle' || engine.status().start === 'eager') void engine.end('restart');
  }

  /** What its next instance is started from, whenever that is. */
  note(engine: Engine, config: EngineConfig): void {
    const made = this.#made.get(engine);
    if (made) made.config = config;
    if (this.#engines.get(config.name) === engine) this.#configs.set(config.name, config);
  }

  /** Stops one that nobody is given any more, when its last user has gone, after `drainMs` at the latest. */
  async drop(engine: Engine, drainMs: number): Promise<void> {
    const made = this.#made.get(engine);
    if (!made) return;
    await dropEngine(engine, made.scope, { drainMs, stopGraceMs: made.config.stopGraceMs });
    this.#made.delete(engine);
  }

  #add(config: EngineConfig): Engine {
    const engine = this.#make(config);
    this.#engines.set(config.name, engine);
    this.#configs.set(config.name, config);
    return engine;
  }

  #found(configs: readonly EngineConfig[]): void {
    if (this.#options.scope.state !== 'open') return;
    for (const config of configs) {
      if (this.#engines.has(config.name)) continue;
      const engine = this.#add(config);
      if (config.start === 'eager') engine.start();
    }
  }

  /**
   * Stops every engine, in parallel: at once where nobody uses it, else when its last user has gone, and at the
   * latest after `leaseMs`. KILL follows TERM when the engine's own grace or the deadline is near.
   */
  async stopAll(options: {
    readonly deadline: Deadline;
    readonly leaseMs: number;
    readonly inUse: (engine: string) => boolean;
  }): Promise<{ readonly killed: readonly string[]; readonly stuck: readonly string[] }> {
    const { deadline, leaseMs, inUse } = options;
    const { clock } = this.#options;
    const latestMs = clock.now() + leaseMs;
    const killed: string[] = [];
    const stuck: string[] = [];
    await Promise.all(
      [...this.#made.keys()].map(async (engine) => {
        while (inUse(engine.name) && clock.now() < latestMs) await delay(clock, 10);
        const { pid } = engine.status();
        const name = `engine ${engine.name}${pid === null ? '' : ` (pid ${pid})`}`;
        const askedMs = clock.now();
        const outcome = await engine.stop(deadline);
        const ms = Math.round(clock.now() - askedMs);
        if (outcome === 'killed') killed.push(`${name} did not end when asked: killed, gone after ${ms} ms`);
        if (outcome === 'stuck') stuck.push(`${name} does not end, not even by KILL`);
      }),
    );
    return { killed, stuck };
  }

  #make(config: EngineConfig): Engine {
    const { clock, log, loads: history } = this.#options;
    const { start, waiting, drainMs, idleMs, offers } = config;
    const scope = this.#options.scope.child(config.name, { kind: 'engine' });
    const made: Made = { config, scope };
    const loads = history && new EngineLoads({ history, clock, onEstimate: () => this.#estimated(engine) });
    const engine: Engine = new Engine({
      name: config.name,
      kind: config.kind,
      clock,
      random: Math.random,
      ...{ start, waiting, drainMs, idleMs, offers, turns: this.#gate.before(this.#turns(config.group)) },
      limits: {
        ...limitsDefault,
        failuresMax: this.#options.attempts ?? failuresMaxOf(config),
        stallMs: config.ready.stallMs,
        totalMs: config.ready.totalMs,
        stopGraceMs: config.stopGraceMs,
      },
      scope,
      spawner: (instanceScope) => {
        const output = this.output(config.name);
        return this.#spawnerOf(made.config, instanceScope, (text) => output.append(text));
      },
      onChange: (engine, before) => {
        loads?.stepped(made.config, before, engine.life);
        this.#changed(engine, before);
      },
      modelKey: () => modelKeyOf(made.config),
      expectedMs: () => loads?.expectedMs(config.name) ?? null,
      onListenerFault: (error) => log.error({ error }, `a listener of engine ${config.name} failed`),
    });
    this.#made.set(engine, made);
    return engine;
  }

  #turns(group: string | undefined): EngineTurns {
    if (group === undefined) return atOnce;
    const { clock, log, scope } = this.#options;
    const { signal } = scope;
    const note = (message: string) => log.info({ group }, message);
    const turns = this.#groups.get(group) ?? new EngineGroup({ clock, signal, note, availableBytes });
    this.#groups.set(group, turns);
    return turns;
  }

  #estimated(engine: Engine): void {
    engine.tell();
    if (this.#engines.get(engine.name) === engine)
      this.changes.announce({ status: engine.status(), before: engine.life.state });
  }

  #changed(engine: Engine, before: EngineLife): void {
    const { log } = this.#options;
    const status = engine.status();
    const { name, state, rung, failure, pid, elapsedMs } = status;
    // One beside it, or before it, is told of in the log alone: of this name, others know one.
    const known = this.#engines.get(name);
    const other = known && known !== engine ? ' (another instance)' : '';
    const facts = { engine: name, state, rung, pid, elapsedMs };
    const failed = engine.life.failure && engine.life.failure !== before.failure;
    if (failed) log.warn({ ...facts, failure }, failure?.message ?? 'engine failed');
    if (state !== before.state) log.info(facts, `engine ${name}${other}: ${state}`);
    else if (rung !== before.rung) log.info(facts, `engine ${name}${other}: ${state}, ${rung}`);
    if (!other) this.changes.announce({ status, before: before.state });
  }
}
