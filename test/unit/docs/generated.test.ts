// What is made from the source says what the source says. `npm run docs` writes all of it anew.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { declarations } from '../../../scripts/docs/declarations.ts';
import { nextSteps } from '../../../scripts/docs/next-steps.ts';
import { schemaTable } from '../../../scripts/docs/schema-tables.ts';
import { docsFile, generated } from '../../../scripts/docs.ts';
import { codes } from '../../../src/lifecycle/codes.ts';

test.each(Object.entries(generated))('docs/%s is what `npm run docs` writes', (name, make) => {
  expect(readFileSync(docsFile(name), 'utf8') === make(), `docs/${name} is stale: run \`npm run docs\``).toBe(
    true,
  );
});

test('every failure code has a next step in scripts/docs/next-steps.ts, and none is of a code that is gone', () => {
  expect(Object.keys(nextSteps).sort()).toEqual(Object.keys(codes).sort());
  for (const [code, step] of Object.entries(nextSteps)) expect(step, code).toMatch(/^[A-Z`/].{20,}[.`]$/);
});

test('docs/README.md leads to every page', () => {
  const index = readFileSync(docsFile('README.md'), 'utf8');
  const pages = readdirSync(docsFile('.')).filter((name) => name.endsWith('.md') && name !== 'README.md');
  expect(pages.filter((page) => !index.includes(`(${page})`))).toEqual([]);
});

test('every link of a page leads to something that is there, and to one thing', () => {
  const slug = (title: string) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
  const titles = (text: string) => [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => slug(title));
  const broken: string[] = [];
  for (const page of readdirSync(docsFile('.')).filter((name) => name.endsWith('.md'))) {
    const text = readFileSync(docsFile(page), 'utf8')
      .replaceAll(/^```[\s\S]*?^```$/gm, '')
      .replaceAll(/`[^`\n]*`/g, '');
    for (const [, link = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      try {
        const target = path === '' ? text : readFileSync(docsFile(path), 'utf8');
        if (anchor !== undefined && titles(target).filter((title) => title === anchor).length !== 1)
          broken.push(`${page}: ${link}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EISDIR') broken.push(`${page}: ${link}`);
      }
    }
  }
  expect(broken).toEqual([]);
});

test('a schema as a table: nested fields by their path, lists, choices told apart by their type', () => {
  const string = { type: 'string' };
  const choice = (type: string) => ({
    ...{ type: 'object', required: ['type'] },
    properties: { type: { const: type }, [type]: { type: 'integer', minimum: 0, maximum: 9 } },
  });
  const table = schemaTable({
    required: ['a'],
    properties: {
      a: { ...string, description: 'A | B' },
      b: {
        anyOf: [{ type: 'array', items: { type: 'object', properties: { c: string } } }, { type: 'null' }],
      },
      d: { oneOf: [choice('x'), choice('y')] },
    },
  });
  expect(table.split('\n').slice(2)).toEqual([
    '| `a` | string | A \\| B |',
    '| `b` | list of object or null, optional |  |',
    '| `b[].c` | string, optional |  |',
    '| `d` | object, optional |  |',
    '| `d(x).type` | `"x"` |  |',
    '| `d(x).x` | integer, 0 to 9, optional |  |',
    '| `d(y).type` | `"y"` |  |',
    '| `d(y).y` | integer, 0 to 9, optional |  |',
  ]);
});

test('declarations are taken whole, with their comments, and nothing else is', () => {
  const source = [
    '/** One. */',
    'export interface A {',
    '  /** In it. */',
    '  readonly b: readonly string[];',
    '}',
    '',
    'const hidden = 1;',
    '',
    'export type C =',
    '  | { readonly d: 1 }',
    '  | ({',
    '      readonly e: 2;',
    '    } & A);',
    'export type F = A | C;',
    'export function g() {}',
  ].join('\n');
  expect(declarations(source)).toBe(
    [
      ...[
        '/** One. */',
        'interface A {',
        '  /** In it. */',
        '  b: string[];',
        '}',
        '',
        'type C =',
        '  | { d: 1 }',
      ],
      ...['  | ({', '      e: 2;', '    } & A);', '', 'type F = A | C;'],
    ].join('\n'),
  );
});
