// A problem: one thing that is wrong in a configuration, with where it is and what to write instead. All problems
// of one load become one GreenroomError.
import { GreenroomError } from '../lifecycle/errors.ts';

export type Path = readonly (string | number)[];

export interface Position {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** What of the path is wrong: the key itself (unknown, badly named) or its value. */
  readonly at: 'key' | 'value';
  readonly code?: 'secret_missing';
}

export const problemAt = (path: Path, message: string): Problem => ({ path, message, at: 'value' });

/** A problem with its place: an entry of `details.problems`. */
export interface LocatedProblem {
  /** The file as the user knows it, or the argument that set the value (`--set`, `--listen`). */
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly path: string;
  readonly message: string;
}

const problemsShownMax = 10;

/** `engines.llm.run.0`, `aliases."gpt-4.1*"`: what `--set` reads back. */
export function formatPath(path: Path): string {
  return path.map((part) => (/^[\w$-]+$/.test(String(part)) ? part : JSON.stringify(part))).join('.');
}

/** `greenroom.yaml:12:5 engines.llm.ready.stall: expected a duration such as 120s, got "fast"`. */
function formatProblem({ file, line, column, path, message }: LocatedProblem): string {
  const where = line === undefined ? file : `${file}:${line}:${column}`;
  // `--listen` names the path already.
  return path === '' || where === `--${path}` ? `${where}: ${message}` : `${where} ${path}: ${message}`;
}

export function problemsError(
  problems: readonly LocatedProblem[],
  code: 'config_invalid' | 'secret_missing' = 'config_invalid',
  total = problems.length,
): GreenroomError {
  const shown = [...problems].sort(fromTheTop).slice(0, problemsShownMax);
  const more = total - shown.length;
  const lines = shown.map(formatProblem);
  if (more > 0) lines.push(`... and ${more} more`);
  return new GreenroomError(code, lines.join('\n'), { details: { problems: shown, more } });
}

/** Those of the command line first: they have no line. */
function fromTheTop(a: LocatedProblem, b: LocatedProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
