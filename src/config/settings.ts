// `--set a.b=c`: values from the command line, laid over those of the file. Each remembers which argument it came
// from, so that what is wrong with it is told by that argument.
import { GreenroomError } from '../lifecycle/errors.ts';
import { formatPath, type LocatedProblem, type Path, problemsError } from './problems.ts';

export interface Setting {
  readonly path: readonly string[];
  /** The argument as errors name it, before the path of what is wrong; never its value, which may be a secret. */
  readonly argument: string;
  readonly value: unknown;
}

const argument = '--set';

/** Splits `a.b."c.d"=value`. Throws `bad_usage`. Needs no YAML, so that early.ts can use it. */
export function splitSetting(written: string): { readonly path: readonly string[]; readonly text: string } {
  const part = /(?:"((?:[^"\\]|\\.)+)"|([^."=\s]+))([.=])/y;
  const path: string[] = [];
  for (;;) {
    const [, quoted, plain, delimiter] = part.exec(written) ?? [];
    if (delimiter === undefined) {
      // Only what stands before the value: the value may be a secret.
      const shown = JSON.stringify(written.split('=')[0]?.slice(0, 80));
      throw new GreenroomError(
        'bad_usage',
        `--set expects a path and a value, such as log.level=debug, got ${shown}`,
      );
    }
    path.push(quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
    if (path.at(-1) === '__proto__') throw new GreenroomError('bad_usage', '--set cannot set __proto__');
    if (delimiter === '=') return { path, text: written.slice(part.lastIndex) };
  }
}

/** The values of `--set`, in order, as YAML. Throws `bad_usage` or `config_invalid`. */
export async function readSettings(written: readonly string[]): Promise<Setting[]> {
  if (written.length === 0) return [];
  const { parseYamlValue } = await import('./yaml-source.ts');
  return written.map((one) => {
    const { path, text } = splitSetting(one);
    const parsed = parseYamlValue(text);
    if ('problem' in parsed) throw problemsError([problemOf(argument, path, parsed.problem)]);
    return { path, argument, value: parsed.value };
  });
}

/** The value with the settings laid over it, the later over the earlier. What it is given stays as it is. */
export function applySettings(value: unknown, settings: readonly Setting[]): unknown {
  return settings.reduce<unknown>((below, setting) => put(below, setting, 0), value);
}

/**
 * The setting that is to blame for a problem at this place: the last that set it or a part above it or, where the
 * place is not in the file at all, the last that set something beside it.
 */
export function blamedSetting(
  settings: readonly Setting[],
  path: Path,
  inFile: boolean,
): Setting | undefined {
  const above = settings.findLast((setting) => startsWith(path, setting.path));
  if (above !== undefined || inFile) return above;
  return settings.findLast((setting) => startsWith(setting.path, path.slice(0, -1)));
}

function put(holder: unknown, setting: Setting, depth: number): unknown {
  const part = setting.path[depth];
  if (part === undefined) return setting.value;
  if (holder === undefined || holder === null) {
    const inner = put(undefined, setting, depth + 1);
    return part === '0' ? [inner] : { [part]: inner };
  }
  if (Array.isArray(holder)) {
    const index = /^\d{1,6}$/.test(part) ? Number(part) : -1;
    if (index < 0 || index > holder.length) {
      const message = `is a list with the places 0 to ${holder.length}, not ${JSON.stringify(part)}`;
      throw problemsError([problemOf(setting.argument, setting.path.slice(0, depth), message)]);
    }
    return holder.toSpliced(index, 1, put(holder[index], setting, depth + 1));
  }
  if (typeof holder !== 'object') {
    const message = `is no section, and has no ${JSON.stringify(part)}`;
    throw problemsError([problemOf(setting.argument, setting.path.slice(0, depth), message)]);
  }
  const below = Object.hasOwn(holder, part) ? (holder as Readonly<Record<string, unknown>>)[part] : undefined;
  return { ...holder, [part]: put(below, setting, depth + 1) };
}

function problemOf(file: string, path: Path, message: string): LocatedProblem {
  return { file, path: formatPath(path), message };
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((part, index) => index < path.length && String(path[index]) === String(part));
}
