import { describe, expect, test } from 'vitest';
import { failureOf } from './loading.ts';

describe('what cannot be a configuration', () => {
  test.each([
    ['nope.yaml', {}, 'there is no file nope.yaml'],
    ['greenroom.yaml/x', { 'greenroom.yaml': '' }, 'there is no file greenroom.yaml/x'],
    ['dir', { 'dir/x': '' }, 'dir is a folder, not a configuration file'],
  ])('%s is not found', async (file, files, message) => {
    const failure = await failureOf(files, { file });
    expect([failure.code, failure.exitCode, failure.message]).toEqual(['config_not_found', 2, message]);
  });

  test('a folder with the name of the file is not passed over', async () => {
    expect((await failureOf({ 'greenroom.yaml/x': '' })).code).toBe('config_not_found');
  });

  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: [${'*c,'.repeat(9)}]`;
  test.each([
    ['UTF-16 text', new Uint8Array([0xff, 0xfe, 0x6c, 0x00]), 'g.yaml:1:1: the file is not UTF-8 text'],
    ['more than 128 KiB', `# ${'x'.repeat(131_072)}`, 'g.yaml:1:1: the file is larger than 128KiB'],
    ['a list', '[1]', 'g.yaml:1:1: expected a section, got a list'],
    [
      'one word',
      '\nfoo',
      'g.yaml:2:1: expected `key: value`, such as `listen: 127.0.0.1:7460`, with a space behind the colon',
    ],
    ['a key that stands twice', 'log: {}\nlisten: 1\nlog: {}', 'g.yaml:3:1: this key stands twice'],
    [
      'a nested key that stands twice',
      'log: { level: info, level: warn }',
      'g.yaml:1:21: this key stands twice',
    ],
    ['a tab', 'log:\n\tlevel: info', 'g.yaml:2:1: a tab cannot indent; use spaces'],
    [
      'two documents',
      'listen: 1\n---\nlisten: 2',
      'g.yaml:2:1: a second document begins here; a configuration is one',
    ],
    [
      'an unclosed list',
      'a: [1, 2\nb: 3',
      'g.yaml:2:1: a `[` above is not closed: its `]` is missing before this line',
    ],
    [
      'an unquoted IPv6 address',
      'listen: [::1]:80',
      'g.yaml:1:14: unexpected text after a value; quotes go around all of it; an IPv6 address needs quotes: "[::1]:80"',
    ],
    ['an alias of nothing', 'listen: *x', 'g.yaml:1:9: no anchor &x stands before this'],
    ['an alias of itself', 'a: &x [*x]', 'g.yaml:1:8: *x contains itself'],
    ['an alias bomb', bomb, 'g.yaml:1:1: aliases (*name) multiply the file too much'],
    ['a bracket bomb', '['.repeat(100_000), 'g.yaml:1:501: nested too deep'],
    ['a dash bomb', '- '.repeat(20_000), expect.stringMatching(/^g\.yaml:1:\d+: nested too deep$/)],
    ['a key that is a list', '? [a]\n: 1', 'g.yaml:1:3: a key is text'],
    ['an unknown tag', 'listen: !port 80', 'g.yaml:1:9: unknown tag !port'],
  ])('%s is told with its place', async (_what, text, message) => {
    const failure = await failureOf({ 'g.yaml': text }, { file: 'g.yaml' });
    expect([failure.code, failure.message]).toEqual(['config_invalid', message]);
  });

  test.each([
    ['a comment', '{\n  "listen": 1 // mine\n}', 'g.json:2:15: JSON has no comments; a .yaml file has'],
    [
      'a comma too many',
      '{\n\t"log": {\n\t\t"level": "info",\n\t}\n}',
      'g.json:4:2 log: JSON has no comma before a closing bracket',
    ],
    [
      'a key that stands twice',
      '{"a": 1, "b": [{"c": 1, "c": 2}]}',
      'g.json:1:25 b.0.c: this key stands twice',
    ],
    ['no closing bracket', '{"a": [1, 2', 'g.json:1:12 a: expected "," or "]"'],
    ['a bare word', '{"a": no}', 'g.json:1:7 a: expected a value'],
    ['a key without quotes', '{a: 1}', 'g.json:1:2: expected a key in double quotes'],
    [
      'an unclosed text',
      '{"a": "x\n"}',
      'g.json:1:7 a: expected text that ends with a double quote on the same line',
    ],
    ['something behind', '{} {}', 'g.json:1:4: expected the end of the file'],
    ['a bracket bomb', '['.repeat(100_000), expect.stringContaining('g.json:1:66 0.0.')],
  ])('JSON with %s is told with its place', async (_what, text, message) => {
    const failure = await failureOf({ 'g.json': text }, { file: 'g.json' });
    expect([failure.code, failure.message]).toEqual(['config_invalid', message]);
  });
});

const oneColumn = 'what belongs to one section stands in one column';
const colon = 'a key needs a colon and a space behind it, as in `key: value`';

/** What people write, and what helps them: not what a parser calls it. */
test.each([
  ['a:\n  b: 1\n c: 2\n', `3:2: this line is indented by 1 space, where 0 or 2 are possible: ${oneColumn}`],
  [
    'a:\n  b:\n    c: 1\n   d: 2\n',
    `4:4: this line is indented by 3 spaces, where 0 or 2 or 4 are possible: ${oneColumn}`,
  ],
  ['  a: 1\nb: 2\n', `2:1: this line is indented by 0 spaces, where 2 is possible: ${oneColumn}`],
  [
    'a:\n  - b: 1\n   c: 2\n',
    `3:4: this line is indented by 3 spaces, where 0 or 2 or 4 are possible: ${oneColumn}`,
  ],
  ['a:\n  - x\n - y\n', `3:2: this line is indented by 1 space, where 0 or 2 are possible: ${oneColumn}`],
  [
    'listen: :1\n  data: x\n',
    '2:3: this line is indented deeper than the key above, which has a value already',
  ],
  [
    'a:\n  b: 1\n\n  # why\n    c: 2\n',
    '5:5: this line is indented deeper than the key above, which has a value already',
  ],
  [
    'a:\n  b: c: d\n',
    '2:6: a second `: ` in one line; text that holds it needs quotes, a section braces: `{ key: value }`',
  ],
  ['a: {b: 1\nc: 2\n', '2:1: a `{` above is not closed: its `}` is missing before this line'],
  ['a: {b: 1 c: 2}\n', '1:8: a comma is missing between two keys, or a `}` or `]`'],
  ['engines:\n  voice: {builtin:flite}\n', '2:11: a space is missing behind the colon'],
  ['a:b\nc: d\n', `1:1: ${colon}`],
  ['a: x\nb\n', `2:1: ${colon}`],
  ['a: `x`\n', '1:4: plain value cannot start with reserved character `; put it in quotes'],
  ['a: "x\n', '2:1: a quote (") is not closed'],
  ["a: 'it's'\n", '1:8: unexpected text after a value; quotes go around all of it'],
])('%j', async (text, message) => {
  const failure = await failureOf({ 'g.yaml': text }, { file: 'g.yaml' });
  expect(failure.message).toBe(`g.yaml:${message}`);
});
