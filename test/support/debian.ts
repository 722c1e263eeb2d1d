// The programs of Debian that examples run on. `npm test` installs what is missing where it may; elsewhere the tests that
// need them are skipped by name, with what is missing.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Which package has which program. */
const packages: Readonly<Record<string, string>> = {
  pocketsphinx_batch: 'pocketsphinx pocketsphinx-en-us',
  sox: 'sox',
  apertium: 'apertium apertium-eng-spa',
  'espeak-ng': 'espeak-ng',
};

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const missing = () => Object.keys(packages).filter((program) => !onPath(program));

/** Undefined when all are there. */
export function debianProblem(): string | undefined {
  const names = missing();
  if (names.length === 0) return undefined;
  return `no ${names.join(', ')}; apt install ${names.map((name) => packages[name]).join(' ')}`;
}

/** Only as root, and where there is apt-get. Says what it does on standard error; whatever comes of it, tests can run. */
export function installDebian(): void {
  const wanted = missing().flatMap((name) => packages[name]?.split(' ') ?? []);
  if (wanted.length === 0 || process.getuid?.() !== 0 || !onPath('apt-get')) return;
  console.error(`installing ${wanted.join(' ')}`);
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=60', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 300_000,
    }).status === 0;
  const install = () => apt('install', '-y', '--no-install-recommends', ...wanted);
  // Lists of packages that are there and new enough need not be fetched.
  if (!install() && !(apt('update') && install())) console.error('they cannot be installed here');
}
