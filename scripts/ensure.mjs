// Brings a checkout to where `npm start` and `npm test` can run: installs what the lock file names and builds
// what is older than its sources. Plain JavaScript, because it runs on whatever Node the machine has, before
// the project's own Node is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = join(root, 'node_modules', '.installed-from');

const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    console.error(`\`${command} ${args.join(' ')}\` failed: ${error?.message ?? `exit code ${status}`}`);
    process.exitCode = 1;
    return false;
  }
  return true;
}

function installed() {
  const wanted = lockHash();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return true;
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    console.error(
      'greenroom: node_modules is a link, and `npm ci` would empty what it points to; install there',
    );
    process.exitCode = 1;
    return false;
  }
  console.error('greenroom: installing dependencies (npm ci), once, about a minute');
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])) return false;
  writeFileSync(stampFile, wanted);
  return true;
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

function built() {
  const stamp = join(root, 'dist', '.built');
  const sources = Math.max(
    newest(join(root, 'src')),
    newest(join(root, 'console')),
    ...[
      'scripts/build.ts',
      'scripts/build-console.ts',
      'package.json',
      'tsconfig.build.json',
      'package-lock.json',
    ].map((file) => statSync(join(root, file)).mtimeMs),
  );
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= sources) return true;
  const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  return run(node, [join(root, 'scripts', 'build.ts')]);
}

if (installed()) built();
