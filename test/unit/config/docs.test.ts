import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configDocs, configDocsFile } from '../../../scripts/config-docs.ts';

test('docs/configuration.md says what the schema says (`npm run docs` writes it)', () => {
  expect(readFileSync(configDocsFile, 'utf8')).toBe(configDocs());
});
