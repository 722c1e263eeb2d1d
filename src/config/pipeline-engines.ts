// Which engines a pipeline is made of: the keys that name them, what each has to offer, and what stands in where none is
// named.
import type { Path } from './problems.ts';
import type { RawConfig } from './schema.ts';
import { type TaskContext, tasksConfig } from './schema-tasks.ts';
import { referenceOf, type Secret } from './secrets.ts';
import type { CapabilityName, NeededOffer, PipelineConfig } from './types.ts';

type RawEngines = RawConfig['engines'];
export type RawPipeline = NonNullable<RawConfig['pipelines']>[string];

export interface PipelinePart {
  readonly key: 'hear' | 'think' | 'speak' | 'vad';
  readonly engine: string;
  readonly needed: CapabilityName;
}

/** Those that are named, in the order of the conversation. */
export function partsOf(pipeline: RawPipeline): readonly PipelinePart[] {
  if (pipeline.kind === 'bridge') return [];
  const { speak, vad } = pipeline;
  const { hear, think } = pipeline.kind === 'cascade' ? pipeline : {};
  const named = [
    { key: 'hear', engine: hear, needed: 'transcribe' },
    { key: 'think', engine: think, needed: 'chat' },
    { key: 'speak', engine: speak, needed: 'speak' },
    { key: 'vad', engine: vad, needed: 'vad' },
  ] as const;
  return named.flatMap(({ engine, ...part }) => (engine === undefined ? [] : [{ ...part, engine }]));
}

/** What hears voice activity where none is named: the first that is `builtin: silero`. */
export function vadOf(
  pipeline: Exclude<RawPipeline, { kind: 'bridge' }>,
  engines: RawEngines = {},
): string | undefined {
  if (pipeline.vad !== undefined) return pipeline.vad;
  const silero = Object.entries(engines).find(
    ([, engine]) => 'builtin' in engine && engine.builtin === 'silero',
  );
  return silero?.[0];
}

/** Of its background work: nobody waits for them before it is triggered. */
export function taskEnginesOf(
  pipeline: RawPipeline,
): readonly { readonly task: string; readonly engine: string }[] {
  if (pipeline.kind === 'echo') return [];
  return Object.entries(pipeline.tasks).map(([task, { think: engine }]) => ({ task, engine }));
}

/** What the pipelines need of an engine. */
export function neededOf(engine: string, pipelines: RawConfig['pipelines'] = {}): readonly NeededOffer[] {
  return Object.entries(pipelines).flatMap(([name, pipeline]) => [
    ...partsOf(pipeline)
      .filter((part) => part.engine === engine)
      .map(({ key, needed: capability }) => ({ capability, by: `pipelines.${name}.${key}` })),
    ...taskEnginesOf(pipeline)
      .filter((task) => task.engine === engine)
      .map(({ task }) => ({ capability: 'chat' as const, by: `pipelines.${name}.tasks.${task}.think` })),
  ]);
}

export interface PipelineContext extends TaskContext {
  readonly secret: (written: string, path: Path) => Secret;
}

export function normalisePipeline(
  name: string,
  raw: RawPipeline,
  engines: RawEngines,
  context: PipelineContext,
): PipelineConfig {
  const { instructions, voice } = raw;
  if (raw.kind === 'bridge') {
    const { kind, url, key, openTimeout, transcribe } = raw;
    const at = ['pipelines', name];
    const headers = Object.entries(raw.headers).map(([header, value]) => {
      const given = referenceOf(value) ? context.secret(value, [...at, 'headers', header]) : value;
      return [header.toLowerCase(), given] as const;
    });
    return {
      ...{ name, kind, url, openTimeoutMs: openTimeout, needs: [...new Set(raw.needs)] },
      ...{ instructions, voice, transcribe },
      key: key === undefined ? undefined : context.secret(key, [...at, 'key']),
      headers: Object.fromEntries(headers),
      tasks: tasksConfig(raw.tasks, [...at, 'tasks'], context),
    };
  }
  if (raw.kind === 'echo') {
    const { kind, speak, vad } = raw;
    const needs = [...new Set([speak, vad, ...raw.needs])];
    return { name, kind, speak, vad, needs, instructions, voice };
  }
  const { kind, hear, think, speak, language, filler, voices } = raw;
  const vad = vadOf(raw, engines);
  const ears = hear === undefined || vad === undefined ? undefined : { hear, vad };
  const own = [ears?.hear, think, speak, ears?.vad].filter((engine) => engine !== undefined);
  const needs = [...new Set([...own, ...raw.needs])];
  return {
    ...{ name, kind, ears, think, speak, needs, instructions, voice, language, voices },
    filler: filler && { afterMs: filler.after, texts: [filler.text].flat() },
    tasks: tasksConfig(raw.tasks, ['pipelines', name, 'tasks'], context),
  };
}
