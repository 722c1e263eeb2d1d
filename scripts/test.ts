// The whole gate: `npm test`. Runs every stage, also after one has failed, and ends with `N passed, N failed`.
// `npm test -- unit sim` runs only the named stages.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDebian } from '../test/support/debian.ts';
import { fetchPromtool } from '../test/support/promtool.ts';
import {
  type Failure,
  forgetReport,
  lookedAtAgain,
  type Outcome,
  outcomeOf,
  reportFile,
  slowest,
} from './test-report.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);

interface Stage {
  readonly name: string;
  readonly command: readonly string[];
  /** Its tests are real processes on a busy machine: what fails is looked at again, with nothing beside it. */
  readonly secondLook?: boolean;
}

const vitest = (name: string, project = name): Stage => ({
  name,
  command: [
    bin('vitest'),
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
  ],
});

const stages: readonly Stage[] = [
  { name: 'format', command: [bin('biome'), 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'console', command: [bin('tsc'), '-p', 'console/tsconfig.json'] },
  { name: 'examples', command: [bin('tsc'), '-p', 'examples/tsconfig.json'] },
  { name: 'rules', command: [process.execPath, 'scripts/check.ts'] },
  { name: 'exports', command: [bin('knip'), '--no-progress'] },
  vitest('unit', 'unit*'),
  vitest('sim'),
  { ...vitest('process'), secondLook: true },
  { ...vitest('alone'), secondLook: true },
];

function run(command: readonly string[]): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve) =>
    child.on('exit', (code) => resolve(code ?? 1)).on('error', () => resolve(1)),
  );
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(
    `no such stage: ${unknown.join(', ')} (there are ${stages.map((stage) => stage.name).join(', ')})`,
  );
  process.exit(2);
}

if (wanted.length === 0 || wanted.includes('process')) {
  installDebian();
  fetchPromtool();
}

/** A stage that fails in more files than this is broken, not unsteady. */
const secondLookFilesMax = 5;

async function outcome({ name, command, secondLook }: Stage): Promise<Outcome> {
  forgetReport();
  const first = outcomeOf(name, await run(command));
  for (const line of slowest(secondLook ? 8 : 0)) console.log(`  ${line}`);
  const files = [...new Set(first.failed.flatMap(({ file }) => file ?? []))];
  if (!secondLook || files.length === 0 || files.length > secondLookFilesMax) return first;
  forgetReport();
  console.log(`once more, alone: ${files.join(', ')}`);
  const again = outcomeOf(name, await run([...command, '--no-file-parallelism', ...files]));
  const { unsteady, standing } = lookedAtAgain(first.failed, again);
  for (const { file, test } of unsteady) console.log(`UNSTEADY ${file}: ${test}`);
  return { passed: first.passed + unsteady.length, failed: standing };
}

let passed = 0;
const failures: Failure[] = [];
for (const stage of stages) {
  if (wanted.length > 0 && !wanted.includes(stage.name)) continue;
  const started = performance.now();
  const { passed: count, failed } = await outcome(stage);
  passed += count;
  failures.push(...failed);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${failed.length === 0 ? 'ok    ' : 'FAILED'} ${stage.name} (${seconds} s)\n`);
}
for (const { file, test } of failures) console.log(`FAILED ${file ?? ''} ${test}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
