import { describe, expect, test } from 'vitest';
import { failureOf, loadFrom } from './loading.ts';

const name = '__proto__';
const refusal = 'no key can have this name; choose another';

describe('__proto__ as a key is refused with its place, never dropped', () => {
  test.each([
    ['engines', `engines:\n  ${name}: { builtin: flite }`, `2:3 engines.${name}`],
    ['pipelines', `pipelines:\n  ${name}: { kind: echo }`, `2:3 pipelines.${name}`],
    ['aliases', `aliases: { ${name}: echo }`, `1:12 aliases.${name}`],
    ['options', `engines: { v: { builtin: flite, options: { a: [{ ${name}: {} }] } } }`, undefined],
    ['variables', `engines: { v: { run: [x], env: { ${name}: "1" } } }`, undefined],
    ['the whole', `${name}: { listen: 1 }`, `1:1 ${name}`],
  ])('in %s', async (_, text, place) => {
    const { code, message } = await failureOf({ 'greenroom.yaml': text });
    expect(code).toBe('config_invalid');
    expect(message).toMatch(new RegExp(`^greenroom\\.yaml:\\d+:\\d+ .*${name}: ${refusal}$`));
    if (place !== undefined) expect(message).toBe(`greenroom.yaml:${place}: ${refusal}`);
  });

  test('in JSON', async () => {
    const text = `{\n  "engines": {\n    "${name}": { "builtin": "flite" } } }`;
    const { message } = await failureOf({ 'greenroom.json': text });
    expect(message).toBe(`greenroom.json:3:5 engines.${name}: ${refusal}`);
  });

  test.each([
    [`engines={${name}: {builtin: flite}}`, `--set engines.${name}: ${refusal}`],
    [`engines.${name}.builtin=flite`, `--set cannot set ${name}`],
  ])('in --set %s', async (set, expected) => {
    expect((await failureOf({}, { set: [set] })).message).toBe(expected);
  });
});

describe('other names that objects inherit are names like any', () => {
  const check = ({ config }: Awaited<ReturnType<typeof loadFrom>>) => {
    expect(config.engines['constructor']).toMatchObject({ name: 'constructor', builtin: 'flite' });
    expect(config.pipelines['constructor']).toMatchObject({ speak: 'constructor' });
    expect(config.aliases).toEqual([{ glob: 'toString', pipeline: 'constructor' }]);
    expect(config.pipelines['valueOf']).toBeUndefined();
  };
  const value = {
    engines: { constructor: { builtin: 'flite' }, activity: { builtin: 'silero' } },
    pipelines: { constructor: { kind: 'echo', speak: 'constructor', vad: 'activity' } },
    aliases: { toString: 'constructor' },
  };

  // JSON is YAML as well.
  test.each(['greenroom.json', 'greenroom.yaml'])('in %s', async (file) => {
    check(await loadFrom({ [file]: JSON.stringify(value) }));
  });

  test('in --set', async () => {
    const set = [
      'engines.constructor.builtin=flite',
      'engines.activity.builtin=silero',
      'pipelines={constructor: {kind: echo, speak: constructor, vad: activity}}',
      'aliases.toString=constructor',
    ];
    check(await loadFrom({}, { set }));
  });

  test('a name that is no name for an engine is told by its rule', async () => {
    const { message } = await failureOf({ 'greenroom.yaml': 'engines:\n  toString: { builtin: flite }' });
    expect(message).toMatch(/^greenroom\.yaml:2:3 engines\.toString: a name is 1 to 64 small letters/);
  });
});
