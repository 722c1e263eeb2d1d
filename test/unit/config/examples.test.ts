// Every configuration of examples/ is one that greenroom takes, and README.md names each example.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = join(root, 'examples');
const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  /\.ya?ml$/.test(name),
);
/** Where an example wants a key of yours. */
const env = { OPENAI_API_KEY: 'sk-of-a-test' };

test.each(names)('examples/%s is valid', async (name) => {
  const { config } = await loadConfig({ file: join(folder, name), env, cwd: root });
  expect(Object.keys(config.pipelines)).toContain('default');
});

test('README.md and a file of its own tell of each example', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  for (const example of new Set(names.map((name) => dirname(name)))) {
    expect(readme).toContain(`(examples/${example}/README.md)`);
    expect(readFileSync(join(folder, example, 'README.md'), 'utf8')).toMatch(/greenroom up --config/);
  }
});
