// All engines of a gateway: made from the configuration, started, shown, stopped in parallel. Starts the reaper, which
// the gateway closes when nothing of theirs can be left.
import { join } from 'node:path';
import type {
  BuiltinEngineConfig,
  EngineConfig,
  RunEngineConfig,
  WorkerEngineConfig,
} from '../config/types.ts';
import type { Clock } from '../lifecycle/clock.ts';
import { delay } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { Announcer } from '../telemetry/announcer.ts';
import type { Log } from '../telemetry/log.ts';
import type { LogLimits } from '../telemetry/rotation.ts';
import { Engine } from './engine.ts';
import type { EngineInstance, Spawner, SpawnRequest } from './instance.ts';
import type { Journal } from './journal.ts';
import { JournalledInstance } from './journalled.ts';
import { EngineLoads, type LoadHistory } from './loads.ts';
import { shippedFile } from './locate.ts';
import { ModelFile } from './model-file.ts';
import { OutputLog } from './output-log.ts';
import { ProgramInstance } from './process/instance.ts';
import { type Reaper, startReaper } from './reaper.ts';
import { type EngineLife, type EngineStateWord, limitsDefault } from './state.ts';
import type { EngineStatus } from './status.ts';
import { WorkerInstance } from './worker/instance.ts';
import { openProcessLink, openThreadLink } from './worker/link.ts';

export interface EngineChange {
  readonly status: EngineStatus;
  readonly before: EngineStateWord;
}

export interface SupervisorOptions {
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the engines' logs go; null keeps none. */
  readonly logDirectory: string | null;
  /** Of each run, and how many runs. */
  readonly logLimits?: LogLimits;
  readonly engines: Readonly<Record<string, EngineConfig>>;
  /** Where runs of engines are recorded, and estimates come from. Default: nowhere. */
  readonly loads?: LoadHistory | undefined;
  /** Where processes are written down, for the next gateway. Default: nowhere. */
  readonly journal?: Journal | undefined;
  /** The environment that engines inherit. Default: all of ours. */
  readonly inherited?: NodeJS.ProcessEnv;
  /** Applied to what engines write: an engine may print a secret that it was given. */
  readonly mask?: (text: string) => string;
  /** Calls that may wait for a lane of one engine. Default 64. */
  readonly waitingMax?: number;
}

/** Calls that may wait for a lane of one engine. */
const waitingMaxDefault = 64;
const logLimitsDefault: LogLimits = { sizeBytes: 10 * 1024 * 1024, keep: 5 };

export class Supervisor {
  readonly changes: Announcer<EngineChange>;
  #reaper: Reaper | undefined;
  readonly #options: SupervisorOptions;
  readonly #engines = new Map<string, Engine>();
  readonly #loads: EngineLoads | undefined;

  constructor(options: SupervisorOptions) {
    const { log, clock, loads: history } = options;
    this.#options = options;
    this.#loads = history && new EngineLoads({ history, clock, onEstimate: (name) => this.#estimated(name) });
    this.changes = new Announcer((error) => log.error({ error }, 'a listener of engine changes failed'));
    for (const config of Object.values(options.engines)) this.#engines.set(config.name, this.#make(config));
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

  list(): readonly EngineStatus[] {
    return [...this.#engines.values()].map((engine) => engine.status());
  }

  startAll(): void {
    // Before the first engine, and for a gateway without one too: it watches over the leaving.
    void this.reaper;
    for (const engine of this.#engines.values()) engine.start();
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
      [...this.#engines.values()].map(async (engine) => {
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
    const { clock, scope, log } = this.#options;
    return new Engine({
      name: config.name,
      kind: config.kind,
      clock,
      random: Math.random,
      limits: {
        ...limitsDefault,
        stallMs: config.ready.stallMs,
        totalMs: config.ready.totalMs,
        stopGraceMs: config.stopGraceMs,
      },
      scope: scope.child(config.name, { kind: 'engine' }),
      spawner: (instanceScope) => this.#spawner(config, instanceScope),
      onChange: (engine, before) => {
        this.#loads?.stepped(config, before, engine.life);
        this.#changed(engine, before);
      },
      expectedMs: () => this.#loads?.expectedMs(config.name) ?? null,
      onListenerFault: (error) => log.error({ error }, `a listener of engine ${config.name} failed`),
    });
  }

  #estimated(name: string): void {
    const engine = this.get(name);
    engine.tell();
    this.changes.announce({ status: engine.status(), before: engine.life.state });
  }

  #changed(engine: Engine, before: EngineLife): void {
    const { log } = this.#options;
    const status = engine.status();
    const { name, state, rung, failure, pid, elapsedMs } = status;
    const facts = { engine: name, state, rung, pid, elapsedMs };
    const failed = engine.life.failure && engine.life.failure !== before.failure;
    if (failed) log.warn({ ...facts, failure }, failure?.message ?? 'engine failed');
    if (state !== before.state) log.info(facts, `engine ${name}: ${state}`);
    else if (rung !== before.rung) log.info(facts, `engine ${name}: ${state}, ${rung}`);
    this.changes.announce({ status, before: before.state });
  }

  #spawner(config: EngineConfig, scope: Scope): Spawner {
    const { journal } = this.#options;
    const entry = journal && new JournalledInstance(journal);
    // Released after the instance is gone: it is registered before it.
    if (entry) scope.defer('journal entry', () => entry.ended());
    const log = this.#outputLog(config);
    scope.defer('log', () => log.close());
    return (given) => {
      let instance: EngineInstance | undefined;
      const request = entry?.follow(given, () => instance) ?? given;
      instance = this.#instance(request, config, scope, log);
      return instance;
    };
  }

  #instance(request: SpawnRequest, config: EngineConfig, scope: Scope, log: OutputLog): EngineInstance {
    if (config.kind === 'run') return this.#program(request, config, scope, log);
    if (config.kind === 'url') throw new Error('`url:` engines come soon');
    return this.#worker(request, config, log);
  }

  #program(request: SpawnRequest, config: RunEngineConfig, scope: Scope, log: OutputLog): ProgramInstance {
    const { run, host, port, cwd, ready, offers = [] } = config;
    const env = Object.entries(config.env).map(
      ([name, value]) => [name, typeof value === 'string' ? value : value.reveal()] as const,
    );
    const { reaper } = this;
    const { clock, inherited, journal } = this.#options;
    const model = this.#model(config, scope);
    return new ProgramInstance(request, {
      ...{ run, host, port, cwd, ready, offers, clock, scope, reaper, journal, model, log },
      env: Object.fromEntries(env),
      ...(inherited && { inherited }),
    });
  }

  #model({ name, model }: RunEngineConfig, scope: Scope): ModelFile | undefined {
    if (!model) return undefined;
    const { clock, log, journal } = this.#options;
    const file = new ModelFile({ engine: name, model, clock, log, left: journal });
    scope.spawn('model file', (signal) => file.watch(signal));
    return file;
  }

  #worker(
    request: SpawnRequest,
    config: WorkerEngineConfig | BuiltinEngineConfig,
    log: OutputLog,
  ): WorkerInstance {
    const { clock } = this.#options;
    const owner = { reaper: this.reaper, clock, inherited: this.#options.inherited };
    const threaded = config.kind === 'builtin' || config.isolate === 'thread';
    const open = threaded ? openThreadLink : openProcessLink;
    return new WorkerInstance(request, {
      module: config.kind === 'builtin' ? shippedFile(config.builtin as 'flite' | 'silero') : config.worker,
      options: config.options,
      openLink: (marker, events) => open(owner, marker, events),
      log,
      limits: {
        clock,
        stallMs: config.ready.stallMs,
        cancelGraceMs: config.cancelGraceMs,
        waitingMax: this.#options.waitingMax ?? waitingMaxDefault,
        note: (message) => this.#options.log.warn({ engine: config.name }, message),
      },
    });
  }

  #outputLog(config: EngineConfig): OutputLog {
    const { logDirectory, logLimits: limits = logLimitsDefault, clock, log, mask } = this.#options;
    if (logDirectory === null || !config.keepLog) return new OutputLog(null, mask);
    const stamp = new Date(clock.wallTime()).toISOString().replace(/[:.]/g, '-');
    return new OutputLog(
      {
        path: join(logDirectory, config.name, `${stamp}.log`),
        limits,
        onTrouble: (message) => log.warn({ engine: config.name }, message),
      },
      mask,
    );
  }
}
