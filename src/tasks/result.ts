// What an engine answered, read as the result of a task: JSON that fits the schema, or text where there is none. Pure.
import { schemaCheck } from '../config/result-schema.ts';

export type ReadOutcome =
  | { readonly state: 'fits'; readonly value: unknown }
  /** Why not, in words that the engine can be told. */
  | { readonly state: 'wrong'; readonly why: string };

export type ReadResult = (text: string) => ReadOutcome;

/** Problems of one result that are told. */
const problemsMax = 10;
const charsMax = 500;

/** @throws what is wrong with the schema */
export function resultReader(schema: Readonly<Record<string, unknown>> | undefined): ReadResult {
  if (schema === undefined) return readText;
  const check = schemaCheck(schema);
  return (text) => {
    const parsed = parse(unfenced(text));
    if (parsed.state === 'wrong') return parsed;
    const problems = check(parsed.value).slice(0, problemsMax);
    if (problems.length === 0) return parsed;
    return { state: 'wrong', why: problems.join('; ').slice(0, charsMax) };
  };
}

function readText(text: string): ReadOutcome {
  const value = text.trim();
  return value === '' ? { state: 'wrong', why: 'the answer is empty' } : { state: 'fits', value };
}

function parse(text: string): ReadOutcome {
  try {
    return { state: 'fits', value: JSON.parse(text) };
  } catch (error) {
    return { state: 'wrong', why: `it is not JSON: ${String(error)}`.slice(0, charsMax) };
  }
}

/** Many models put JSON into a block of code, whatever they are told. */
function unfenced(text: string): string {
  return /^\s*```(?:json)?\s*\n([\s\S]*?)\n?\s*```\s*$/i.exec(text)?.[1] ?? text;
}
