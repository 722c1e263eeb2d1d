// The pages of docs/: what they show is run, as it stands there.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf, docsFolder, runPage } from '../support/docs-page.ts';
import { testFolder } from '../support/folder.ts';

/** Made from the source, or run by a test of its own. */
const others = [
  'api.md',
  'wire.md',
  'configuration.md',
  'troubleshooting.md',
  'writing-an-engine.md',
  'llama-server.md',
];
const pages = readdirSync(docsFolder).filter((name) => name.endsWith('.md') && !others.includes(name));
const marks = (page: string) => new Set(blocksOf(page).map(({ marker }) => marker));
const run = pages.filter((page) => [...marks(page)].some((mark) => mark !== '' && mark !== 'not-run'));

test.each(run)('docs/%s does what it says', (page) => runPage(page));

test('every piece of code on a page says whether it is run', () => {
  const unmarked = pages.flatMap((page) =>
    blocksOf(page)
      .filter(({ language, marker }) => marker === '' && language !== 'text')
      .map(({ line }) => `docs/${page}:${line}`),
  );
  expect(unmarked).toEqual([]);
  expect(run.length).toBeGreaterThan(6);
});

const verify = spawnSync('systemd-analyze', ['--version']).status === 0;
test.skipIf(!verify)('systemd takes the unit (skipped: no systemd-analyze)', async () => {
  await using folder = await testFolder();
  const unit = readFileSync(join(docsFolder, 'systemd', 'greenroom.service'), 'utf8');
  const file = await folder.write('greenroom.service', unit);
  const { stderr, stdout } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
  const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('greenroom.service'));
  expect(about).toEqual([]);
});
