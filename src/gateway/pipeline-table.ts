// The pipelines by name, each in its generations, and what a caller's `model` means: a pipeline, then an alias, then what
// the configuration says of unknown ones. Its timers end with the scope that it is given.
import type { Config, EngineConfig, PipelineConfig } from '../config/types.ts';
import type { Engine } from '../engines/engine.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { type GenerationChange, PipelineLine } from '../pipelines/pipeline-line.ts';
import type { AnyPipeline } from '../sessions/open-call.ts';
import { Announcer } from '../telemetry/announcer.ts';
import type { Log } from '../telemetry/log.ts';
import { buildPipeline } from './build-pipeline.ts';
import { type DrainedSessions, SessionsOfGenerations } from './generation-sessions.ts';
import { globMatches } from './glob.ts';
import { type PipelineShown, pipelineShown } from './pipeline-facts.ts';

/** By name. Throws `not_found`. */
export type EngineLookup = (name: string) => Engine;

export interface PipelineTableOptions {
  readonly config: Config;
  readonly supervisor: { get(name: string): Engine; configs(): readonly EngineConfig[] };
  readonly sessions: DrainedSessions;
  /** Of the whole gateway. */
  readonly scope: Scope;
  readonly log: Log;
}

export type { GenerationChange };

export type Line = PipelineLine<AnyPipeline>;

export class PipelineTable {
  readonly changes: Announcer<GenerationChange>;
  readonly #options: PipelineTableOptions;
  readonly #lines = new Map<string, Line>();
  /** Of each pipeline that was built the engines that it asks, those of its tasks among them. */
  readonly #engines = new WeakMap<AnyPipeline, ReadonlySet<Engine>>();
  readonly #sessions: SessionsOfGenerations;
  #config: Config;

  constructor(options: PipelineTableOptions) {
    const { config, scope, log, sessions, supervisor } = options;
    this.#options = options;
    this.#config = config;
    this.#sessions = new SessionsOfGenerations(sessions, scope.clock, () => this.#config.sessions.drainMs);
    this.changes = new Announcer((error) => log.error({ error }, 'a listener of pipelines failed'));
    scope.defer('pipelines', () => {
      this.#sessions.close();
      for (const line of this.#lines.values()) line.close();
    });
    for (const name of Object.keys(config.pipelines))
      this.line(name).restart(
        'replace',
        this.builder(name, (engine) => supervisor.get(engine)),
      );
  }

  /** What holds now. */
  get config(): Config {
    return this.#config;
  }

  /** For what is asked and built from now on. */
  configure(config: Config): void {
    this.#config = config;
  }

  /** What is left of it drains. */
  remove(name: string): void {
    const line = this.#lines.get(name);
    line?.remove();
    if (line?.state === 'over') this.#lines.delete(name);
  }

  /** What new callers get. */
  list(): readonly AnyPipeline[] {
    return [...this.#lines.values()].flatMap(({ current }) => current ?? []);
  }

  /** Those that were removed among them, until the last of their sessions has gone. */
  lines(): readonly Line[] {
    return [...this.#lines.values()];
  }

  /** One that the configuration has. Throws `not_found` with those that there are. */
  line(name: string): Line {
    if (!Object.hasOwn(this.#config.pipelines, name)) {
      const names = Object.keys(this.#config.pipelines);
      const message = `no pipeline is called ${JSON.stringify(name.slice(0, 200))}; there are ${names.join(', ')}`;
      throw new GreenroomError('not_found', message, { details: { pipelines: names } });
    }
    const there = this.#lines.get(name);
    if (there) return there;
    const line: Line = new PipelineLine({
      name,
      clock: this.#options.scope.clock,
      drainMs: () => this.#config.sessions.drainMs,
      onChange: (change) => this.#changed(line, change),
      onDraining: (built, current) => this.#sessions.draining(built, current),
      onOverdue: (built) => this.#sessions.overdue(built),
    });
    this.#lines.set(name, line);
    return line;
  }

  /** Builds a generation of a pipeline as it is configured now. */
  builder(name: string, engine: EngineLookup): (generation: number) => AnyPipeline {
    return (generation) => {
      const used = new Set<Engine>();
      const { log, supervisor } = this.#options;
      const config = this.#config.pipelines[name] as PipelineConfig;
      const before = this.#current(name);
      const built = buildPipeline(config, {
        generation,
        engine: (wanted) => {
          const found = engine(wanted);
          used.add(found);
          return found;
        },
        configOf: (wanted) => supervisor.configs().find((each) => each.name === wanted),
        log,
        stages: before && 'stages' in before ? before.stages : undefined,
      });
      this.#engines.set(built, used);
      return built;
    };
  }

  /** Whom it asks, those of its tasks among them. */
  enginesOf(built: AnyPipeline): ReadonlySet<Engine> {
    return this.#engines.get(built) ?? new Set();
  }

  shown(line: Line): PipelineShown {
    return pipelineShown(line, (built) => [...this.enginesOf(built)]);
  }

  /** Whether a generation that is not closed asks it. */
  asks(engine: Engine): boolean {
    return this.lines().some((line) => line.list().some(({ built }) => this.enginesOf(built).has(engine)));
  }

  /** A session's place in the generation that it begins with. */
  enter(pipeline: AnyPipeline, session: string): () => void {
    const line = this.lines().find((each) => each.list().some(({ built }) => built === pipeline));
    if (line) return line.enter(pipeline, session);
    throw new GreenroomError(
      'scope_closed',
      `this generation of pipeline ${pipeline.name} was closed meanwhile`,
    );
  }

  /** Throws `model_not_found` with what there is. */
  resolve(model: string | null): AnyPipeline {
    const { aliases, defaultPipeline, unknownModel } = this.#config;
    const fallback = defaultPipeline === undefined ? undefined : this.#current(defaultPipeline);
    if (!model) {
      if (fallback) return fallback;
      throw this.#unknown('no `model` was given, and no pipeline is the default', null);
    }
    const named = this.#current(model);
    if (named) return named;
    const alias = aliases.find(({ glob }) => globMatches(glob, model));
    const aliased = alias && this.#current(alias.pipeline);
    if (aliased) return aliased;
    if (unknownModel === 'default' && fallback) return fallback;
    throw this.#unknown(`no pipeline or alias is called ${JSON.stringify(model.slice(0, 200))}`, model);
  }

  #current(name: string): AnyPipeline | undefined {
    return this.#lines.get(name)?.current;
  }

  #changed(line: Line, change: GenerationChange): void {
    const { pipeline, generation, state, failure, sessions } = change;
    const why = failure ? `: ${failure.message}` : '';
    // The first of each is no news.
    if (generation > 1 || state !== 'current') {
      const line = `pipeline ${pipeline}, generation ${generation}: ${state}${why}`;
      this.#options.log.info({ pipeline, generation, state, sessions }, line);
    }
    if (line.state === 'over' && this.#lines.get(pipeline) === line) this.#lines.delete(pipeline);
    this.changes.announce(change);
  }

  #unknown(what: string, model: string | null): GreenroomError {
    const names = this.list().map(({ name }) => name);
    return new GreenroomError('model_not_found', `${what}; there are ${names.join(', ')}`, {
      details: { model, pipelines: names, aliases: this.#config.aliases.map(({ glob }) => glob) },
    });
  }
}
