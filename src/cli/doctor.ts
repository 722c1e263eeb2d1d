// `greenroom doctor`: looks at everything that a start needs of this machine, and changes nothing. One line each, with
// the next step.
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { type Check, checkLine, ok, problem, summaryLine } from './doctor/check.ts';
import { checkEngine } from './doctor/engines.ts';
import { checkDatabase, checkPast, type Past, readPast } from './doctor/past.ts';
import { checkDoor } from './doctor/places.ts';
import { checkUpstream } from './doctor/upstreams.ts';
import type { CommandIo } from './io.ts';

export interface DoctorOptions {
  readonly config?: string | undefined;
  readonly listen?: string | undefined;
  readonly data?: string | undefined;
  readonly set?: readonly string[] | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Returns 0 when nothing is a problem, else 1. Throws what is wrong with the configuration,
 * `permission_denied`, `data_directory_unusable` when that is no folder, and `cancelled`.
 */
export async function doctor(options: DoctorOptions, io: CommandIo): Promise<number> {
  const { config: file, listen, data, set } = options;
  const { config, source, secrets } = await loadConfig({
    ...(file !== undefined && { file }),
    ...(listen !== undefined && { listen }),
    ...(data !== undefined && { data }),
    ...(set !== undefined && { set }),
    ...{ env: io.env, cwd: io.cwd, signal: io.signal },
  });
  const checks: Check[] = [];
  const tell = (check: Check) => {
    const masked = { ...check, message: secrets.mask(check.message) };
    checks.push(masked);
    if (options.json) io.out(JSON.stringify({ event: 'check', ...masked }));
    (options.json ? io.err : io.out)(checkLine(masked));
  };
  tell(configCheck(config, source));
  const past = await readPast(config.dataDirectory);
  for (const found of await Promise.all(looks(config, past, io))) for (const check of found) tell(check);
  io.err(summaryLine(checks));
  return checks.some(({ state }) => state === 'problem') ? 1 : 0;
}

/** All at a time; told in order. */
function looks(config: Config, past: Past, { env, cwd }: CommandIo): readonly Promise<readonly Check[]>[] {
  const engines = Object.values(config.engines);
  return [
    checkPast(past),
    Promise.resolve(config.store.kind === 'none' ? [] : checkDatabase(past)),
    checkDoor(config, past),
    ...engines.map(async (engine) =>
      checkEngine(engine, { past, env, cwd }).catch((error: unknown) => [
        problem({ check: 'engine', engine: engine.name }, String(error), null),
      ]),
    ),
    ...Object.values(config.pipelines).flatMap((pipeline) =>
      pipeline.kind === 'bridge' ? [checkUpstream(pipeline)] : [],
    ),
  ];
}

function configCheck({ engines, pipelines }: Config, source: string): Check {
  const names = (things: object) => Object.keys(things).join(', ') || 'none';
  const what = `engines ${names(engines)}; pipelines ${names(pipelines)}`;
  return ok({ check: 'config', engine: null }, `${source}: ${what}`);
}
