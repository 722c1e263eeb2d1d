// The whole gate: `npm test`. Runs every stage, also after one has failed, and ends with `N passed, N failed`.
// `npm test -- unit sim` runs only the named stages.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDebian } from '../test/support/debian.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const reportFile = join(root, 'node_modules', '.vitest-report.json');

interface Stage {
  readonly name: string;
  readonly command: readonly string[];
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
  { name: 'examples', command: [bin('tsc'), '-p', 'examples/tsconfig.json'] },
  { name: 'rules', command: [process.execPath, 'scripts/check.ts'] },
  { name: 'exports', command: [bin('knip'), '--no-progress'] },
  vitest('unit', 'unit*'),
  vitest('sim'),
  vitest('process'),
  vitest('alone'),
];

function run(command: readonly string[]): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve) =>
    child.on('exit', (code) => resolve(code ?? 1)).on('error', () => resolve(1)),
  );
}

/** Counts single tests where the stage has them; a stage without a readable report counts as one. */
function countTests(code: number): { passed: number; failed: number } {
  try {
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
    };
    const failed = code === 0 ? report.numFailedTests : Math.max(1, report.numFailedTests);
    return { passed: report.numPassedTests, failed };
  } catch {
    return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(
    `no such stage: ${unknown.join(', ')} (there are ${stages.map((stage) => stage.name).join(', ')})`,
  );
  process.exit(2);
}

if (wanted.length === 0 || wanted.includes('process')) installDebian();

let passed = 0;
let failed = 0;
for (const stage of stages) {
  if (wanted.length > 0 && !wanted.includes(stage.name)) continue;
  const started = performance.now();
  rmSync(reportFile, { force: true });
  const code = await run(stage.command);
  const counts = countTests(code);
  passed += counts.passed;
  failed += counts.failed;
  console.log(
    `${code === 0 ? 'ok    ' : 'FAILED'} ${stage.name} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`,
  );
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
