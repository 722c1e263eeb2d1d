// The pipelines by name, and what a caller's `model` means: a pipeline, then an alias, then what the configuration
// says of unknown ones.
import { fliteVoiceNames } from '../config/flite-voices.ts';
import { Secret } from '../config/secrets.ts';
import type {
  BridgePipelineConfig,
  Config,
  EngineConfig,
  PipelineConfig,
  TaskConfig,
} from '../config/types.ts';
import type { Supervisor } from '../engines/supervisor.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { BridgePipeline, type Upstream } from '../pipelines/bridge.ts';
import { CascadePipeline } from '../pipelines/cascade.ts';
import { EchoPipeline } from '../pipelines/echo.ts';
import type { AnyPipeline } from '../sessions/open-call.ts';
import type { TaskPlan } from '../tasks/plan.ts';
import { resultReader } from '../tasks/result.ts';
import type { Log } from '../telemetry/log.ts';
import { globMatches } from './glob.ts';

export class PipelineTable {
  readonly #config: Config;
  readonly #pipelines = new Map<string, AnyPipeline>();

  constructor(config: Config, supervisor: Supervisor, log: Log) {
    this.#config = config;
    for (const pipeline of Object.values(config.pipelines))
      this.#pipelines.set(pipeline.name, build(pipeline, config, supervisor, log));
  }

  list(): readonly AnyPipeline[] {
    return [...this.#pipelines.values()];
  }

  /** Throws `model_not_found` with what there is. */
  resolve(model: string | null): AnyPipeline {
    const { aliases, defaultPipeline, unknownModel } = this.#config;
    const fallback = defaultPipeline === undefined ? undefined : this.#pipelines.get(defaultPipeline);
    if (!model) {
      if (fallback) return fallback;
      throw this.#unknown('no `model` was given, and no pipeline is the default', null);
    }
    const named = this.#pipelines.get(model);
    if (named) return named;
    const alias = aliases.find(({ glob }) => globMatches(glob, model));
    const aliased = alias && this.#pipelines.get(alias.pipeline);
    if (aliased) return aliased;
    if (unknownModel === 'default' && fallback) return fallback;
    throw this.#unknown(`no pipeline or alias is called ${JSON.stringify(model.slice(0, 200))}`, model);
  }

  #unknown(what: string, model: string | null): GreenroomError {
    const names = [...this.#pipelines.keys()];
    return new GreenroomError('model_not_found', `${what}; there are ${names.join(', ')}`, {
      details: { model, pipelines: names, aliases: this.#config.aliases.map(({ glob }) => glob) },
    });
  }
}

function build(config: PipelineConfig, { engines }: Config, supervisor: Supervisor, log: Log): AnyPipeline {
  const { name, voice, instructions } = config;
  const every = { name, voice, instructions, needs: config.needs.map((engine) => supervisor.get(engine)) };
  if (config.kind === 'echo') {
    return new EchoPipeline({
      ...{ ...every, speak: supervisor.get(config.speak) },
      vad: supervisor.get(config.vad),
    });
  }
  const tasks = config.tasks.map((task) => taskPlan(task, supervisor));
  if (config.kind === 'bridge') {
    const { transcribe } = config;
    return new BridgePipeline({ ...every, tasks, transcribe, upstream: upstreamOf(config) });
  }
  const { ears, think, speak, language, filler } = config;
  const spoken = speak === undefined ? undefined : engines[speak];
  const missing = [...(ears ? [] : ['`hear`: callers type']), ...(speak ? [] : ['`speak`: callers read'])];
  if (missing.length > 0)
    log.info({ pipeline: name }, `pipeline ${name} has no ${missing.join(', and no ')}`);
  return new CascadePipeline({
    ...{ ...every, language, filler, log, voices: config.voices ?? voicesOf(spoken), pace: paceOf(spoken) },
    ears: ears && { hear: supervisor.get(ears.hear), vad: supervisor.get(ears.vad) },
    think: supervisor.get(think),
    tasks,
    speak: speak === undefined ? undefined : supervisor.get(speak),
  });
}

/** Those of the built-in voice; who has OpenAI's speech is asked for any; of a module none is known. */
function voicesOf(engine: EngineConfig | undefined): readonly string[] | 'any' {
  if (isFlite(engine)) return fliteVoiceNames;
  return engine?.kind === 'run' || engine?.kind === 'url' ? 'any' : [];
}

/** OpenAI's speech has a `speed`, and so has flite; a module of one's own may not look at it. */
function paceOf(engine: EngineConfig | undefined): 'any' | 'own' {
  return isFlite(engine) || engine?.kind === 'run' || engine?.kind === 'url' ? 'any' : 'own';
}

function isFlite(engine: EngineConfig | undefined): boolean {
  return engine?.kind === 'builtin' && engine.builtin === 'flite';
}

function taskPlan({ think, ...task }: TaskConfig, supervisor: Supervisor): TaskPlan {
  return { ...task, think: supervisor.get(think), read: resultReader(task.schema) };
}

/** Where a bridge calls, and with what. */
export function upstreamOf({ url, key, headers, openTimeoutMs }: BridgePipelineConfig): Upstream {
  const given = Object.entries(headers);
  const secrets = [key, ...given.map(([, value]) => value)].filter((value) => value instanceof Secret);
  const shown = given.map(([name, value]) => [name, value instanceof Secret ? value.reveal() : value]);
  return {
    url,
    openTimeoutMs,
    headers: { ...(key && { authorization: `Bearer ${key.reveal()}` }), ...Object.fromEntries(shown) },
    secrets: secrets.map((secret) => secret.reveal()).filter((text) => text !== ''),
  };
}
