// Of the edge, the engines: from what the schema read of one to its `EngineConfig`. A preset becomes the program or
// the address that it stands for.
import { basename, resolve } from 'node:path';
import { offersOf } from './engine-checks.ts';
import { neededOf } from './pipeline-engines.ts';
import { type PresetFacts, type PresetStart, presets } from './presets.ts';
import type { Path } from './problems.ts';
import type { RawConfig } from './schema.ts';
import { referenceOf, type Secret } from './secrets.ts';
import type {
  EngineBasics,
  EngineConfig,
  HttpReadyConfig,
  ModelFileConfig,
  RunEngineConfig,
  RunReadyConfig,
  UrlEngineConfig,
} from './types.ts';

export type RawEngine = NonNullable<RawConfig['engines']>[string];
type RawRun = Extract<RawEngine, { readonly run: unknown }>;
type RawPreset = Extract<RawEngine, { readonly preset: unknown }>;
type RawUrl = Extract<RawEngine, { readonly url: string; readonly ready: { readonly http: string } }>;

export interface EngineContext {
  readonly folderOf: (path: Path) => string;
  readonly pipelines: RawConfig['pipelines'];
  readonly secret: (written: string, path: Path) => Secret;
}

export function normaliseEngine(name: string, raw: RawEngine, context: EngineContext): EngineConfig {
  const basics = basicsOf(name, raw);
  if ('preset' in raw) return normalisePreset(basics, raw, context);
  if ('run' in raw) return normaliseRun(basics, raw, context);
  if ('url' in raw) return normaliseUrl(basics, raw, context);
  const ready = { stallMs: raw.ready.stall, totalMs: raw.ready.total };
  if ('worker' in raw) {
    const worker = resolve(context.folderOf(['engines', name, 'worker']), raw.worker);
    const needed = neededOf(name, context.pipelines);
    return { kind: 'worker', ...basics, worker, isolate: raw.isolate, options: raw.options, ready, needed };
  }
  if (!('model' in raw))
    return { kind: 'builtin', ...basics, builtin: raw.builtin, options: raw.options, ready };
  const model = resolve(context.folderOf(['engines', name, 'model']), raw.model);
  const given = { context: raw.context, threads: raw.threads, gpu: raw.gpu, parallel: raw.parallel };
  const options = Object.fromEntries(
    Object.entries({ model, ...given }).filter(([, value]) => value !== undefined),
  );
  return { kind: 'builtin', ...basics, builtin: 'llama', options, ready };
}

function basicsOf(name: string, raw: RawEngine): EngineBasics {
  const own = 'stopGrace' in raw ? raw : undefined;
  return {
    name,
    start: raw.start ?? (own?.group === undefined ? 'eager' : 'lazy'),
    idleMs: own?.idle,
    group: own?.group,
    waiting: { max: raw.waiting.max, ms: raw.waiting.time },
    drainMs: raw.drain,
    stopGraceMs: own?.stopGrace ?? 0,
    cancelGraceMs: raw.cancelGrace,
    keepLog: own?.log ?? false,
    offers: offersOf(raw),
  };
}

function normaliseRun(basics: EngineBasics, raw: RawRun, context: EngineContext): RunEngineConfig {
  const { ready } = raw;
  return {
    kind: 'run',
    ...basics,
    preset: undefined,
    run: raw.run,
    ...placeOf(basics.name, raw, context),
    model: modelFile(basics.name, raw, context, raw.format),
    modelName: raw.modelName,
    ready: {
      // A program that says in its log that it is ready need not speak HTTP.
      http: ready.http ?? (ready.log === undefined ? '/health' : undefined),
      status: ready.status,
      loading: ready.loading,
      body: ready.body,
      log: ready.log,
      owned: ready.owned,
      generate: ready.generate,
      generateTimeoutMs: ready.generateTimeout,
      stallMs: ready.stall,
      totalMs: ready.total,
      probeTimeoutMs: ready.probeTimeout,
    },
  };
}

function normaliseUrl(basics: EngineBasics, raw: RawUrl, context: EngineContext): UrlEngineConfig {
  const { ready, modelName } = raw;
  return {
    kind: 'url',
    ...basics,
    preset: undefined,
    url: raw.url,
    key: keyOf(basics.name, raw.key, context),
    modelName,
    ready: {
      http: ready.http,
      status: ready.status,
      loading: ready.loading,
      body: ready.body,
      generate: ready.generate,
      generateTimeoutMs: ready.generateTimeout,
      stallMs: ready.stall,
      totalMs: ready.total,
      probeTimeoutMs: ready.probeTimeout,
    },
    checkEveryMs: raw.check,
  };
}

/** What is wrong with it as a whole is told by engine-checks.ts; then it does not matter what comes out here. */
function normalisePreset(
  basics: EngineBasics,
  raw: RawPreset,
  context: EngineContext,
): RunEngineConfig | UrlEngineConfig {
  const preset = presets[raw.preset];
  const url = raw.url ?? preset.url;
  const started =
    preset.start && raw.url === undefined
      ? startedPreset(basics, raw, { preset, start: preset.start }, context)
      : undefined;
  if (started && url === undefined) return started;
  return {
    kind: 'url',
    ...basics,
    preset: raw.preset,
    url: url ?? '',
    key: keyOf(basics.name, raw.key, context),
    modelName: raw.model ?? preset.model,
    ready: { ...readyOf(preset, raw), generate: raw.ready.generate ?? false },
    checkEveryMs: raw.check,
    ...(started && { otherwise: started }),
  };
}

function startedPreset(
  basics: EngineBasics,
  raw: RawPreset,
  { preset, start }: { readonly preset: PresetFacts; readonly start: PresetStart },
  context: EngineContext,
): RunEngineConfig {
  const { name } = basics;
  const folder = context.folderOf(['engines', name, 'model']);
  const isPath = start.model === 'file' || /^(?:\.{0,2}\/)/.test(raw.model ?? '');
  const model = raw.model !== undefined && isPath ? resolve(folder, raw.model) : raw.model;
  const givenName = argumentValue(raw.args, start.nameArguments);
  const command = start.command({
    engine: name,
    model: start.model === 'none' ? undefined : model,
    listening: raw.socket === undefined ? 'port' : 'socket',
    naming: givenName === undefined ? 'ours' : 'given',
  });
  const program = raw.program ?? start.program ?? '';
  const programFolder = context.folderOf(['engines', name, 'program']);
  return {
    kind: 'run',
    ...basics,
    preset: raw.preset,
    run: [program.includes('/') ? resolve(programFolder, program) : program, ...command, ...raw.args],
    ...placeOf(name, { ...raw, env: { ...start.env, ...raw.env } }, context),
    model: start.model === 'file' ? modelFile(name, raw, context, start.format) : undefined,
    modelName: givenName ?? { file: undefined, name, none: raw.model }[start.model],
    ready: {
      ...readyOf(preset, raw),
      log: raw.ready.log,
      owned: raw.ready.owned ?? true,
      generate: raw.ready.generate ?? (start.generate === 'always' || raw.model !== undefined),
    },
  };
}

function readyOf(preset: PresetFacts, { ready }: RawPreset): Omit<HttpReadyConfig, 'generate'> {
  return {
    http: ready.http ?? preset.ready.http,
    status: ready.status ?? preset.ready.status,
    loading: ready.loading ?? preset.ready.loading,
    body: ready.body ?? (ready.http === undefined ? preset.ready.body : undefined),
    generateTimeoutMs: ready.generateTimeout,
    stallMs: ready.stall,
    totalMs: ready.total ?? preset.ready.totalMs,
    probeTimeoutMs: ready.probeTimeout ?? preset.ready.probeTimeoutMs,
  } satisfies Omit<RunReadyConfig, 'generate' | 'log' | 'owned'>;
}

type RawPlace = Pick<RawRun, 'host' | 'port' | 'socket' | 'env' | 'cwd'>;

function placeOf(name: string, raw: RawPlace, { folderOf, secret }: EngineContext) {
  const env = Object.entries(raw.env).map(([key, value]) => [
    key,
    referenceOf(value) ? secret(value, ['engines', name, 'env', key]) : value,
  ]);
  const { socket } = raw;
  return {
    host: raw.host,
    port: raw.port,
    socket:
      socket === undefined || socket === 'auto'
        ? socket
        : resolve(folderOf(['engines', name, 'socket']), socket),
    env: Object.fromEntries(env) as Record<string, string | Secret>,
    cwd: resolve(folderOf(['engines', name, 'cwd']), raw.cwd ?? '.'),
  };
}

function modelFile(
  name: string,
  raw: { readonly model?: string | undefined; readonly exclusive: boolean },
  { folderOf }: EngineContext,
  format: ModelFileConfig['format'],
): ModelFileConfig | undefined {
  if (raw.model === undefined) return undefined;
  const path = resolve(folderOf(['engines', name, 'model']), raw.model);
  const byName = basename(path).toLowerCase().endsWith('.gguf') ? 'gguf' : undefined;
  return { path, format: format ?? byName, exclusive: raw.exclusive };
}

function keyOf(name: string, written: string | undefined, { secret }: EngineContext): Secret | undefined {
  return written === undefined ? undefined : secret(written, ['engines', name, 'key']);
}

/** `--alias x` and `--alias=x`; the last one holds. */
function argumentValue(args: readonly string[], names: readonly string[]): string | undefined {
  const at = args.findLastIndex((word) => names.some((name) => word === name || word.startsWith(`${name}=`)));
  const word = args[at];
  if (word === undefined) return undefined;
  return word.includes('=') ? word.slice(word.indexOf('=') + 1) : args[at + 1];
}
