import { describe, expect, test } from 'vitest';
import { failureOf, loadFrom } from './loading.ts';

describe('--set, --listen and --data', () => {
  test('lay values over the file, the later over the earlier, lists by place, globs in quotes', async () => {
    const text = 'log: { level: warn }\nengines: { a: { run: [x, y], env: { Q: z } } }\npipelines: {}';
    const set = [
      'log.level=debug',
      'log.level=error',
      'engines.a.run.1=Y',
      'engines.a.run.2=3',
      'engines.a.env={R: "1"}',
      'shutdown.total=5s',
      'auth.tokens.0=caller-token',
      'pipelines.p={kind: echo, speak: s, vad: s}',
      'engines.s.worker=./s.mjs',
      'aliases."gpt-4.1*"=p',
      'data=./from-set',
    ];
    const files = { 'conf/g.yaml': text, 's.mjs': '' };
    const { config, inFolder } = await loadFrom(files, { file: 'conf/g.yaml', set });
    expect(config).toMatchObject({
      log: { level: 'error' },
      shutdown: { totalMs: 5_000 },
      engines: { a: { run: ['x', 'Y', '3'], env: { R: '1' } }, s: { worker: inFolder('s.mjs') } },
      aliases: [{ glob: 'gpt-4.1*', pipeline: 'p' }],
      dataDirectory: inFolder('from-set'),
    });
    expect(config.auth.tokens[0]?.reveal()).toBe('caller-token');
  });

  test('change the embedded default in place', async () => {
    const { config } = await loadFrom(
      {},
      { set: ['engines.voice.stopGrace=1s', 'engines.activity.stopGrace=0'] },
    );
    expect(config.engines['voice']).toMatchObject({ builtin: 'flite', stopGraceMs: 1_000 });
  });

  test('the flags are over --set, and --data is of the folder one stands in', async () => {
    const options = { listen: '[::1]:1', data: 'd', set: ['listen=2', 'data=e'], file: 'conf/g.yaml' };
    const { config, inFolder } = await loadFrom({ 'conf/g.yaml': 'listen: 3\ndata: f' }, options);
    expect([config.listen, config.dataDirectory]).toEqual([{ host: '::1', port: 1 }, inFolder('d')]);
  });

  test.each([
    ['log', 'bad_usage', '--set expects a path and a value, such as log.level=debug, got "log"'],
    ['=x', 'bad_usage', '--set expects a path and a value, such as log.level=debug, got ""'],
    [
      'a..b=hidden-value',
      'bad_usage',
      '--set expects a path and a value, such as log.level=debug, got "a..b"',
    ],
    ['__proto__.x=1', 'bad_usage', '--set cannot set __proto__'],
    ['log.level=[a', 'config_invalid', '--set log.level: flow sequence must end with a ]'],
    ['log.levle=x', 'config_invalid', '--set log.levle: unknown key; did you mean "level"?'],
    [
      'log.level=',
      'config_invalid',
      '--set log.level: expected one of trace, debug, info, warn, error, fatal, silent',
    ],
    [
      'shutdown.total=fast',
      'config_invalid',
      '--set shutdown.total: expected a duration such as 120s, got "fast"',
    ],
    [
      'auth.origins.1=https://a.example',
      'config_invalid',
      '--set auth.origins: is a list with the places 0 to 0, not "1"',
    ],
    ['log.level.x=1', 'config_invalid', '--set log.level: is no section, and has no "x"'],
    [
      'engines.x.stopGrace=1s',
      'config_invalid',
      '--set engines.x: the kind is missing: one of `builtin`, `worker`, `run`, `preset`, `url`',
    ],
    [
      'engines.voice={builtin: flit}',
      'config_invalid',
      '--set engines.voice.builtin: expected one of flite, silero, llama, got "flit"; did you mean "flite"?',
    ],
    ['log={levle: x}', 'config_invalid', '--set log.levle: unknown key; did you mean "level"?'],
    [
      'pipelines.p={kind: echo, speak: voice}',
      'config_invalid',
      '--set pipelines.p.vad: is missing; expected the name of an engine',
    ],
    [
      'engines={__proto__: {builtin: flite}}',
      'config_invalid',
      '--set engines.__proto__: no key can have this name; choose another',
    ],
    [
      'pipelines.echo.vad=ears',
      'config_invalid',
      '--set pipelines.echo.vad: no engine is named "ears"; there are: voice, activity',
    ],
  ])('%s is told by its argument', async (one, code, message) => {
    const files = { 'greenroom.yaml': 'log: { level: info }\nauth: { origins: [] }' };
    const failure = await failureOf(files, { set: ['shutdown.total=1s', one] });
    expect([failure.code, failure.message]).toEqual([code, message]);
  });

  test('a bad --listen is told by its name', async () => {
    const failure = await failureOf({}, { listen: 'localhost' });
    expect(failure.message).toBe(
      '--listen: the port is missing: expected an address such as 127.0.0.1:7460, got "localhost"',
    );
  });
});
