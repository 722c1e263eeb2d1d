import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type EarlyOptions, earlyListen } from '../../../src/config/early.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';

/** What was imported by the time the door knew its address. */
const imported = vi.hoisted(() => new Set<string>());
vi.mock('yaml', (importOriginal) => {
  imported.add('yaml');
  return importOriginal();
});
vi.mock('zod', (importOriginal) => {
  imported.add('zod');
  return importOriginal();
});

async function earlyIn(files: Record<string, string>, options: Partial<EarlyOptions> = {}) {
  await using folder = await testFolder();
  for (const [name, content] of Object.entries(files)) await folder.write(name, content);
  return earlyListen({ cwd: folder.path, ...options });
}

const fallback = { host: '127.0.0.1', port: 7460, source: 'default', security: 'plain' };

test('the address is known without zod and without yaml', async () => {
  expect(await earlyIn({ 'greenroom.yaml': 'log: {}\nlisten: 8000\n' })).toEqual({
    ...fallback,
    port: 8000,
    source: 'file',
  });
  expect([...imported]).toEqual([]);
});

describe('in a file', () => {
  test.each([
    ['# first\n\nlisten: 127.0.0.1:8000 # mine\ndata: x', 8000],
    ['---\ndata: x\n"listen":   "127.0.0.1:8000"   # mine', 8000],
    ["%YAML 1.2\n---\n'listen' : ':8000'", 8000],
    ['listen:\n  8000\nlog: {}', 8000],
    ['listen: # of the door\n\n  # see below\n  8000', 8000],
    ['  data: x\n  listen: 8000', 8000],
    ['\uFEFFlisten: 8000\r\ndata: x\r\n', 8000],
    ['engines:\n  a:\n    listen: 1\n  listen: 2\nlisten: 8000', 8000],
    ['engines:\n  a:\n    options: { text: |\n listen: 1\n}\n', 7460],
    ['{"log": {"listen": 1}, "listen": "127.0.0.1:8000"}', 8000],
    ['data: x', 7460],
    ['listen: &address 8000', 7460],
    ['listen: >\n  8000\n', 7460],
    ['listen: "80\\x300"', 7460],
    ['- listen: 8000', 7460],
    ['listen:', 7460],
    ['listen:\nlog:\n  level: info', 7460],
    ['listen: 80\n  00', 7460],
    ['{ listen: 8000 }', 7460],
    ['', 7460],
  ])('%j is understood, or left to loadConfig', async (text, port) => {
    expect((await earlyIn({ 'greenroom.yaml': text })).port).toBe(port);
  });
});

describe('on the command line', () => {
  const files = { 'greenroom.yaml': 'listen: 1' };
  test.each([
    [
      { listen: '[::1]:5', set: ['listen=2'] },
      { host: '::1', port: 5, source: 'flag' },
    ],
    [
      { set: ['listen=2', 'log.level=info', 'listen="127.0.0.2:3"'] },
      { host: '127.0.0.2', port: 3, source: 'set' },
    ],
    [{ set: ['log.listen=2'] }, { host: '127.0.0.1', port: 1, source: 'file' }],
    // Malformed: whatever is guessed, loadConfig refuses it.
    [{ set: ['listen'] }, { host: '127.0.0.1', port: 1, source: 'file' }],
    [{ listen: 'nonsense' }, fallback],
    [{ file: 'nope.yaml' }, fallback],
    [{ file: '/dev/zero' }, fallback],
    [{ file: '.' }, fallback],
    [{ file: 'a\0b' }, fallback],
  ])('%j is understood, or left to loadConfig', async (options, expected) => {
    expect(await earlyIn(files, options)).toEqual({ security: 'plain', ...expected });
  });
});

test.each<[name: string, text: string, set: string[], security: string]>([
  ['greenroom.yaml', 'tls: { cert: a.pem, key: b.pem }\nlisten: 1', [], 'tls'],
  ['greenroom.yaml', 'listen: 1\n"tls":\n  cert: a.pem\n  key: b.pem', [], 'tls'],
  ['greenroom.yaml', '{"tls": {"cert": "a.pem", "key": "b.pem"}}', [], 'tls'],
  ['greenroom.json', '{"tls": {"cert": "a.pem", "key": "b.pem"}}', [], 'tls'],
  ['greenroom.yaml', 'listen: 1', ['tls.cert=a.pem', 'tls.key=b.pem'], 'tls'],
  ['greenroom.yaml', '# tls: no\nlog:\n  tls: no', ['log.tls=no'], 'plain'],
  ['greenroom.json', '{"log": {"tls": 1}}', [], 'plain'],
])('%s %j with %j: %s', async (name, text, set, security) => {
  expect((await earlyIn({ [name]: text }, { set })).security).toBe(security);
});

describe('whatever is written', () => {
  const host = fc.constantFrom('127.0.0.1:', 'localhost:', ':', '');
  const port = fc.integer({ min: 0, max: 65_535 });
  const address = fc.tuple(host, port).map(([before, number]) => `${before}${number}`);
  const other: fc.Arbitrary<string> = fc.constantFrom(
    'log: { level: debug }',
    'log:\n  level: debug # listen: 1\n  # listen: 2',
    'data: "listen: 3"',
    'data: ./listen',
    'data: >-\n  a\n  listen: 4\n',
    'engines:\n  voice: { run: [x], offers: [speak], env: { listen: "5" } }\n  activity: { builtin: silero }\n  more:\n    run: [x]\n    env:\n      listen: "6"',
    'shutdown:\n\n  total: 1s',
    '# listen: 7',
    '',
  );
  const write = (text: string, quote: string, comment: string): string => {
    const scalar = `${quote}${text}${quote}`;
    return comment === 'below' ? `listen:\n    ${scalar}` : `listen: ${scalar}${comment}`;
  };
  const line = fc
    .tuple(address, fc.constantFrom('', '"', "'"), fc.constantFrom('', ' # x', '  ', 'below'))
    .map((parts) => write(...parts));
  const yamlText = fc
    .tuple(
      fc.uniqueArray(other, { maxLength: 4, selector: (text) => text.split(':')[0] }),
      fc.option(line),
      fc.nat(4),
    )
    .chain(([others, listen, place]) => {
      const parts = listen === null ? others : others.toSpliced(place, 0, listen);
      return fc.constantFrom('\n', '\r\n').map((end) => parts.join('\n').replaceAll('\n', end) + end);
    });
  const jsonText = fc
    .record(
      {
        listen: fc.oneof(address, port),
        data: fc.string({ minLength: 1 }),
        aliases: fc.constant({}),
        log: fc.constant({}),
      },
      { requiredKeys: [] },
    )
    .chain((value) => fc.constantFrom(0, 2, '\t').map((indent) => JSON.stringify(value, null, indent)));

  async function agree(folder: TestFolder, name: string, text: string): Promise<void> {
    const { loadConfig } = await import('../../../src/config/load.ts');
    const options = { file: await folder.write(name, text), cwd: folder.path };
    const { config } = await loadConfig({ ...options, env: {} });
    const { host, port } = earlyListen(options);
    expect({ host, port }).toEqual(config.listen);
  }

  test('loadConfig finds the same address in every such YAML file', async () => {
    await using folder = await testFolder();
    await fc.assert(fc.asyncProperty(yamlText, (text) => agree(folder, 'g.yaml', text)));
  });

  test('loadConfig finds the same address in every such JSON file', async () => {
    await using folder = await testFolder();
    await fc.assert(fc.asyncProperty(jsonText, (text) => agree(folder, 'g.json', text)));
  });

  test('it never throws', async () => {
    await using folder = await testFolder();
    const word = fc.constantFrom(
      'listen',
      ':',
      ' ',
      '\n',
      '"',
      "'",
      '{',
      '}',
      '[',
      '&',
      '*',
      '|',
      '#',
      '7460',
      '\t',
      '-',
      '%',
      '\\',
    );
    const soup = fc.oneof(
      fc.array(word).map((words) => words.join('')),
      fc.string({ unit: 'binary' }),
    );
    const names = fc.constantFrom('g.yaml', 'g.json');
    await fc.assert(
      fc.asyncProperty(names, soup, fc.array(soup), async (name, text, set) => {
        const file = await folder.write(name, text);
        expect(earlyListen({ file, cwd: folder.path }).port).toBeTypeOf('number');
        expect(earlyListen({ set, listen: text, cwd: folder.path }).port).toBeTypeOf('number');
      }),
    );
  });
});
