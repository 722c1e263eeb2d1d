// Rules of this repository that no linter knows: which folder may import which, how long a file may be, and that
// timers, child processes, abort controllers and listeners appear only where something owns them.
// `node scripts/check.ts` prints every breach as `file:line: rule: what` and exits 1.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { consoleImports, importsAllowed, leafModules, linesMax, ownedCalls, testLinesMax } from './rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const breaches: string[] = [];

function breach(file: string, line: number, rule: string, what: string): void {
  breaches.push(`${relative(root, file)}:${line}: ${rule}: ${what}`);
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => /\.(?:tsx?|mjs)$/.test(path) && statSync(path).isFile());
}

/** `src/engines/worker/host.ts` is of the area `engines`; `src/main.ts` of the area `main`. */
function areaOf(file: string): string {
  const [first = ''] = relative(join(root, 'src'), file).split('/');
  return first.replace(/\.ts$/, '');
}

function checkImports(file: string, text: string): void {
  const from = areaOf(file);
  const allowed = importsAllowed[from];
  if (!allowed)
    return breach(file, 1, 'import-direction', `no rule for the area "${from}" in scripts/rules.ts`);
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)) {
    const target = resolve(dirname(file), match[1] ?? '');
    const to = areaOf(target);
    const leaf = leafModules.includes(relative(join(root, 'src'), target));
    if (to === from || leaf || allowed.includes(to)) continue;
    const line = text.slice(0, match.index).split('\n').length;
    breach(
      file,
      line,
      'import-direction',
      `${from} must not import ${to} (allowed: ${allowed.join(', ') || 'nothing'})`,
    );
  }
}

/** What runs in a page takes nothing of the server with it but types. */
function checkConsoleImports(file: string, text: string): void {
  for (const match of text.matchAll(/^import (?!type )[^;]*?'(\.{1,2}\/[^']+)'/gm)) {
    const target = relative(root, resolve(dirname(file), match[1] ?? ''));
    if (consoleImports.some((allowed) => target.startsWith(allowed))) continue;
    const line = text.slice(0, match.index).split('\n').length;
    breach(file, line, 'import-direction', `the console must not import ${target} (types alone it may)`);
  }
}

function checkLength(file: string, text: string, max = linesMax): void {
  const lines = text.split('\n').length - 1;
  if (lines > max) breach(file, lines, 'file-length', `${lines} lines, ${max} at most`);
}

function checkOwnedCalls(file: string, text: string): void {
  const path = relative(root, file);
  for (const { pattern, where, why } of ownedCalls) {
    if (where.some((allowed) => path.startsWith(allowed))) continue;
    text.split('\n').forEach((line, index) => {
      const code = line.replace(/^\s*(?:\/\/|\*).*$/, '');
      if (pattern.test(code)) breach(file, index + 1, 'owned-call', `${code.trim()}: ${why}`);
    });
  }
}

for (const file of sources(join(root, 'src'))) {
  const text = readFileSync(file, 'utf8');
  checkImports(file, text);
  checkLength(file, text);
  checkOwnedCalls(file, text);
}
for (const file of sources(join(root, 'console'))) {
  const text = readFileSync(file, 'utf8');
  checkConsoleImports(file, text);
  checkLength(file, text);
}
for (const file of ['scripts', 'bench', 'examples', 'test'].flatMap((folder) =>
  sources(join(root, folder)),
)) {
  const text = readFileSync(file, 'utf8');
  checkLength(file, text, file.includes('/test/') ? testLinesMax : linesMax);
  if (file.includes('/test/') && !file.includes('/fixtures/')) {
    text.split('\n').forEach((line, index) => {
      if (/\bsetTimeout\(|\bsleep\(/.test(line)) breach(file, index + 1, 'no-sleep', line.trim());
    });
  }
}

for (const line of breaches) console.log(line);
console.log(`${breaches.length} breaches of the repository's rules`);
process.exitCode = breaches.length > 0 ? 1 : 0;
