// `promtool` of Prometheus, which judges metrics. `npm test` takes it out of Debian's package where it may, without
// installing that: it would bring a server along. Elsewhere the tests that need it are skipped by name.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cached = fileURLToPath(new URL('../../node_modules/.cache/greenroom/promtool', import.meta.url));

/** Undefined: there is none here. */
export function promtool(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return [...folders.map((folder) => join(folder, 'promtool')), cached].find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Only as root, and where there is apt-get. Whatever comes of it, tests can run. */
export function fetchPromtool(): void {
  if (promtool() || process.getuid?.() !== 0) return;
  const folder = mkdtempSync(join(tmpdir(), 'greenroom-promtool-'));
  const run = (program: string, ...args: string[]) =>
    spawnSync(program, args, { cwd: folder, stdio: 'ignore', timeout: 120_000 }).status === 0;
  try {
    console.error('taking promtool out of the package prometheus');
    if (!run('apt-get', '-qq', 'download', 'prometheus')) return;
    const [name = ''] = readdirSync(folder).filter((file) => file.endsWith('.deb'));
    if (!run('dpkg-deb', '--extract', name, '.')) return;
    mkdirSync(join(cached, '..'), { recursive: true });
    copyFileSync(join(folder, 'usr', 'bin', 'promtool'), cached);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
