// The table of failures and what is written about it are one.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { codes } from '../../../src/lifecycle/codes.ts';

test('ARCHITECTURE.md lists every failure code with its facts, and no other', () => {
  const text = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const section = text.slice(text.indexOf('## Failure codes'), text.indexOf('## Where do I change X?'));
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.replace(/ +/g, ' '));
  const expected = Object.entries(codes).map(
    ([code, { http, close, exit, meaning }]) => `| \`${code}\` | ${http} | ${close} | ${exit} | ${meaning} |`,
  );
  expect(rows).toEqual(expected);
});
