// Loads the configuration: finds the file, reads it, lays the command line over it, checks everything, and hands
// out one frozen `Config`. Every problem is told with its place, all of them in one error.

import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { GreenroomError } from '../lifecycle/errors.ts';
import { holdsAnyway, withoutBroken } from './beyond.ts';
import { crossCheck } from './cross-checks.ts';
import { fillEmbedded } from './embedded.ts';
import { explain, problemsOf, valueAt } from './explain.ts';
import { findConfigFile } from './find.ts';
import { normalise } from './normalise.ts';
import { formatPath, type LocatedProblem, type Path, type Problem, problemsError } from './problems.ts';
import { configSchema, type RawConfig } from './schema.ts';
import { schemaProblems } from './schema-tasks.ts';
import { type Environment, SecretRegistry } from './secrets.ts';
import { applySettings, blamedSetting, readSettings, type Setting } from './settings.ts';
import { readSource, type Source } from './source.ts';
import type { Config } from './types.ts';
import { unsafeKeys } from './unsafe-keys.ts';

export interface LoadOptions {
  /** `-c`; otherwise greenroom.yaml, .yml or .json of `cwd`, otherwise the embedded default. */
  readonly file?: string;
  /** `--set a.b=c`, the later over the earlier. */
  readonly set?: readonly string[];
  /** `--listen`, over everything else. */
  readonly listen?: string;
  /** `--data`, over everything else; relative to `cwd`. */
  readonly data?: string;
  /** Engines as a file would have them, by name; for a start without one. */
  readonly engines?: Readonly<Record<string, unknown>>;
  readonly env: Environment;
  readonly cwd: string;
  /** Nobody waits for it any more: a pipe may give nothing for a while. */
  readonly signal?: AbortSignal;
}

export interface LoadedConfig {
  readonly config: Config;
  /** What was loaded, for people: the file as they know it, or `the embedded default`. */
  readonly source: string;
  /** Whether there is a file. */
  readonly origin: 'file' | 'embedded';
  /** Everything that must not be shown; logs and answers go through its `mask`. */
  readonly secrets: SecretRegistry;
}

const embeddedName = 'the embedded default';

const dataDirectoryDefault = '.greenroom';

/** Throws `config_not_found`, `config_invalid`, `secret_missing`, `bad_usage` or `cancelled`. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { cwd } = options;
  const file = findConfigFile(options.file, cwd);
  const read = file && (await readSource(file, options.signal));
  const settings = [...(await readSettings(options.set ?? [])), ...flags(options)];
  const { value: filled, pipelinesEmbedded } = fillEmbedded(read?.value ?? {}, file ? {} : options.engines);
  const isSection = typeof filled === 'object' && filled !== null && !Array.isArray(filled);
  const input = isSection ? applySettings(filled, settings) : filled;
  const place = placer(read, file?.shown ?? embeddedName, settings);

  const unsafe = unsafeKeys(input);
  if (unsafe.length > 0) throw failure(unsafe, place);

  const secrets = new SecretRegistry();
  const fileFolder = file ? dirname(file.path) : cwd;
  const hinted = pipelinesEmbedded && !settings.some(({ path }) => path[0] === 'pipelines');
  const folderOf = (path: Path) => (blamedSetting(settings, path, true) ? cwd : fileFolder);
  const check = async (raw: RawConfig) => {
    const { config, problems } = normalise(raw, {
      env: options.env,
      secrets,
      folderOf,
      dataDirectory: resolve(cwd, dataDirectoryDefault),
    });
    const crossed = crossCheck(raw, { pipelinesEmbedded: hinted });
    return { config, problems: [...crossed, ...problems, ...(await missingModules(config))] };
  };

  const parsed = parse(input);
  if (!parsed.success) {
    const broken = problemsOf(parsed.error.issues);
    const rest = parse(withoutBroken(input, broken));
    const beyond = rest.success ? (await check(rest.data)).problems : schemaProblems(input, folderOf);
    throw failure([...broken, ...beyond.filter((one) => holdsAnyway(one, broken, input))], place);
  }
  const { config, problems } = await check(parsed.data);
  if (problems.length > 0) throw failure(problems, place);
  return { config, source: file?.shown ?? embeddedName, origin: file ? 'file' : 'embedded', secrets };
}

const parse = (input: unknown) => configSchema.safeParse(input, { error: explain, jitless: true });

/** A module that is not there will not be there at the next attempt either. */
async function missingModules({ engines }: Config): Promise<Problem[]> {
  const checked = Object.values(engines).map(async (engine): Promise<Problem[]> => {
    if (engine.kind !== 'worker') return [];
    const found = await stat(engine.worker).catch(() => undefined);
    if (found?.isFile()) return [];
    const message = found ? `${engine.worker} is not a file` : `there is no file ${engine.worker}`;
    return [{ path: ['engines', engine.name, 'worker'], message, at: 'value' }];
  });
  return (await Promise.all(checked)).flat();
}

/** `--listen` and `--data` are settings like any other, but are taken as they are. */
function flags({ listen, data }: LoadOptions): Setting[] {
  return [
    ...(listen === undefined ? [] : [{ path: ['listen'], argument: '--listen', value: listen }]),
    ...(data === undefined ? [] : [{ path: ['data'], argument: '--data', value: data }]),
  ];
}

/** Of a file that is wrong all over, the first problems are placed, sorted and shown, and the rest is counted. */
const placedMax = 200;

function failure(problems: readonly Problem[], place: (problem: Problem) => LocatedProblem): GreenroomError {
  const onlySecrets = problems.every(({ code }) => code === 'secret_missing');
  const code = onlySecrets ? 'secret_missing' : 'config_invalid';
  return problemsError(problems.slice(0, placedMax).map(place), code, problems.length);
}

/** Where a problem is: at the argument that brought it in, or at its line in the file. */
function placer(read: Source | undefined, file: string, settings: readonly Setting[]) {
  return ({ path, message, at }: Problem): LocatedProblem => {
    const shown = { path: formatPath(path), message };
    const setting = blamedSetting(settings, path, hasParent(read, path));
    if (setting !== undefined) return { file: setting.argument, ...shown };
    return { file, ...read?.locate(path, at), ...shown };
  };
}

function hasParent(read: Source | undefined, path: Path): boolean {
  return read !== undefined && valueAt(read.value, path.slice(0, -1)) !== undefined;
}
