// Which engines a pipeline is made of: the keys that name them, what each has to offer, and what stands in where none is
// named.
import type { Path } from './problems.ts';
import type { RawConfig } from './schema.ts';
import { referenceOf, type Secret } from './secrets.ts';
import type { CapabilityName, PipelineConfig } from './types.ts';

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

export function normalisePipeline(
  name: string,
  raw: RawPipeline,
  engines: RawEngines,
  secret: (written: string, path: Path) => Secret,
): PipelineConfig {
  const { instructions, voice } = raw;
  if (raw.kind === 'bridge') {
    const { kind, url, key, openTimeout } = raw;
    const at = ['pipelines', name];
    const headers = Object.entries(raw.headers).map(([header, value]) => {
      const given = referenceOf(value) ? secret(value, [...at, 'headers', header]) : value;
      return [header.toLowerCase(), given] as const;
    });
    return {
      ...{ name, kind, url, openTimeoutMs: openTimeout, needs: [...new Set(raw.needs)], instructions, voice },
      key: key === undefined ? undefined : secret(key, [...at, 'key']),
      headers: Object.fromEntries(headers),
    };
  }
  if (raw.kind === 'echo') {
    const { kind, speak, vad } = raw;
    const needs = [...new Set([speak, vad, ...raw.needs])];
    return { name, kind, speak, vad, needs, instructions, voice };
  }
  const { kind, hear, think, speak, language } = raw;
  const vad = vadOf(raw, engines);
  const ears = hear === undefined || vad === undefined ? undefined : { hear, vad };
  const own = [ears?.hear, think, speak, ears?.vad].filter((engine) => engine !== undefined);
  const needs = [...new Set([...own, ...raw.needs])];
  return { name, kind, ears, think, speak, needs, instructions, voice, language };
}
