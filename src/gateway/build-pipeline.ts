// From a pipeline's configuration to what answers its sessions, with the engines that it is given.
import { fliteVoiceNames } from '../config/flite-voices.ts';
import { Secret } from '../config/secrets.ts';
import type { BridgePipelineConfig, EngineConfig, PipelineConfig, TaskConfig } from '../config/types.ts';
import type { Engine } from '../engines/engine.ts';
import { BridgePipeline, type Upstream } from '../pipelines/bridge.ts';
import { CascadePipeline } from '../pipelines/cascade.ts';
import { EchoPipeline } from '../pipelines/echo.ts';
import type { StageMeter } from '../pipelines/stage-times.ts';
import type { AnyPipeline } from '../sessions/open-call.ts';
import type { TaskPlan } from '../tasks/plan.ts';
import { resultReader } from '../tasks/result.ts';
import type { Log } from '../telemetry/log.ts';

export interface BuildWith {
  readonly generation: number;
  /** By name. Throws `not_found`. */
  readonly engine: (name: string) => Engine;
  readonly configOf: (engine: string) => EngineConfig | undefined;
  readonly log: Log;
  /** Of the generation before: what is measured goes on. */
  readonly stages: StageMeter | undefined;
}

export function buildPipeline(config: PipelineConfig, given: BuildWith): AnyPipeline {
  const { generation, engine, configOf, log, stages } = given;
  const { name, voice, instructions } = config;
  const every = { name, generation, voice, instructions, needs: config.needs.map(engine) };
  if (config.kind === 'echo') {
    return new EchoPipeline({
      ...every,
      speak: engine(config.speak),
      vad: engine(config.vad),
    });
  }
  const tasks = config.tasks.map((task) => taskPlan(task, engine));
  if (config.kind === 'bridge') {
    const { transcribe } = config;
    return new BridgePipeline({ ...every, tasks, transcribe, upstream: upstreamOf(config) });
  }
  const { ears, think, speak, language, filler } = config;
  const spoken = speak === undefined ? undefined : configOf(speak);
  const missing = [...(ears ? [] : ['`hear`: callers type']), ...(speak ? [] : ['`speak`: callers read'])];
  if (missing.length > 0)
    log.info({ pipeline: name }, `pipeline ${name} has no ${missing.join(', and no ')}`);
  return new CascadePipeline({
    ...{ ...every, language, filler, log, voices: config.voices ?? voicesOf(spoken), pace: paceOf(spoken) },
    ears: ears && { hear: engine(ears.hear), vad: engine(ears.vad) },
    think: engine(think),
    tasks,
    stages,
    speak: speak === undefined ? undefined : engine(speak),
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

function taskPlan({ think, ...task }: TaskConfig, engine: BuildWith['engine']): TaskPlan {
  return { ...task, think: engine(think), read: resultReader(task.schema) };
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
