// What a stage's tests came to, from the report that vitest writes; and which of its failures stand when looked at again.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Outcome {
  readonly passed: number;
  readonly failed: readonly Failure[];
}

export interface Failure {
  /** The test file; null where the stage has none, or ended without a report. */
  readonly file: string | null;
  readonly test: string;
}

export const reportFile = join(
  fileURLToPath(new URL('..', import.meta.url)),
  'node_modules',
  '.vitest-report.json',
);

export function forgetReport(): void {
  rmSync(reportFile, { force: true });
}

/** Counts single tests where the stage has them; a stage without a readable report counts as one. */
export function outcomeOf(stage: string, code: number): Outcome {
  const report = readReport();
  if (!report) return { passed: code === 0 ? 1 : 0, failed: code === 0 ? [] : [{ file: null, test: stage }] };
  const failed = report.testResults.flatMap(failuresOf);
  // It failed by something that is no test: an error between them, a file that was not found.
  if (code !== 0 && failed.length === 0) failed.push({ file: null, test: stage });
  return { passed: report.numPassedTests, failed };
}

/** The slowest files, in seconds: what to look at when the gate takes long. */
export function slowest(count: number): readonly string[] {
  const results = readReport()?.testResults ?? [];
  return results
    .map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, count)
    .map(({ name, seconds }) => `${name.split('/test/').at(-1)} ${seconds.toFixed(1)} s`);
}

/** A failure that did not come back, and what stands. */
export function lookedAtAgain(
  first: readonly Failure[],
  again: Outcome,
): { readonly unsteady: readonly Failure[]; readonly standing: readonly Failure[] } {
  const same = ({ file, test }: Failure) => `${file}\n${test}`;
  const still = new Set(again.failed.map(same));
  // Where the second look itself broke, nothing was seen to pass.
  const blind = again.failed.some(({ file }) => file === null);
  const unsteady = blind ? [] : first.filter((failure) => failure.file !== null && !still.has(same(failure)));
  const kept = first.filter((failure) => !unsteady.includes(failure));
  const known = new Set(first.map(same));
  return { unsteady, standing: [...kept, ...again.failed.filter((failure) => !known.has(same(failure)))] };
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
}

interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly FileResult[];
}

function readReport(): Report | undefined {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  } catch {
    return undefined;
  }
}

function failuresOf({ name, status, assertionResults }: FileResult): Failure[] {
  const failed = assertionResults.filter((result) => result.status === 'failed');
  if (failed.length > 0) return failed.map(({ fullName }) => ({ file: name, test: fullName }));
  // It could not be read, or its set-up threw.
  return status === 'failed' ? [{ file: name, test: 'the whole file' }] : [];
}
