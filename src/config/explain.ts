// From zod's issues to problems in our words. Sentences that belong to one key stand in the schema; these are the
// general ones, for whatever says nothing of its own.
import type * as z from 'zod';
import type { Path, Problem } from './problems.ts';
import { branchToSee } from './schema-parts.ts';

/** The error map of the parse: asked for every issue that its schema has no sentence for. */
export function explain(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const expected = expectedName(String(issue.expected));
      if (issue.input === undefined) return `is missing; expected ${expected}`;
      return `expected ${expected}, got ${show(issue.input, /^(?:object|record|array|map)$/.test(String(issue.expected)))}`;
    }
    case 'too_small':
      if (issue.origin === 'string') return 'cannot be empty';
      return `expected at least ${issue.minimum}, got ${show(issue.input)}`;
    case 'too_big':
      if (issue.origin === 'string') return `expected at most ${issue.maximum} characters`;
      return `expected at most ${issue.maximum}, got ${show(issue.input)}`;
    default:
      return undefined;
  }
}

/** One problem per thing that is wrong, in the order of the schema. */
export function problemsOf(issues: readonly z.core.$ZodIssue[]): Problem[] {
  const problems = issues.flatMap((issue) => problemsOfIssue(issue, []));
  // What the other keys of a pipeline should be depends on its kind: until that is right, they tell nothing.
  const ofWrongKind = new Set(problems.filter(isAboutKind).map(({ path }) => path[1]));
  return problems.filter(
    (one) => isAboutKind(one) || one.path[0] !== 'pipelines' || !ofWrongKind.has(one.path[1]),
  );
}

function isAboutKind({ path }: Problem): boolean {
  return path.length === 3 && path[0] === 'pipelines' && path[2] === 'kind';
}

function problemsOfIssue(issue: z.core.$ZodIssue, parent: Path): Problem[] {
  const path: Path = [
    ...parent,
    ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part)),
  ];
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => ({
      path: [...path, key],
      message: messages[index] ?? '',
      at: 'key',
    }));
  }
  if (issue.code === 'invalid_key') {
    return [{ path, message: issue.issues[0]?.message ?? issue.message, at: 'key' }];
  }
  const branch = issue.code === 'invalid_union' ? branchToSee(issue.message) : undefined;
  if (issue.code === 'invalid_union' && branch !== undefined)
    return (issue.errors[branch] ?? []).flatMap((inner) => problemsOfIssue(inner, path));
  return [{ path, message: issue.message, at: 'value' }];
}

export function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[part];
  }
  return value;
}

function expectedName(type: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a section',
    record: 'a section',
  };
  return names[type] ?? type;
}

/** Where a list or section was expected, what stands there instead may be a secret in the wrong place. */
function show(value: unknown, hidden = false): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a section';
  if (hidden) return typeof value === 'string' ? 'text' : `a ${typeof value}`;
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
}
