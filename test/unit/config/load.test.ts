import { describe, expect, test, vi } from 'vitest';
import type { LoadOptions } from '../../../src/config/load.ts';
import { failureOf, loadFrom } from './loading.ts';

const yamlImported = vi.hoisted(() => ({ times: 0 }));
vi.mock('yaml', async (importOriginal) => {
  yamlImported.times += 1;
  return await importOriginal();
});

describe('without a file', () => {
  test('the embedded default is served, and the YAML parser is not even imported', async () => {
    const { config, source, inFolder } = await loadFrom({});
    expect(yamlImported.times).toBe(0);
    expect(source).toBe('the embedded default');
    expect(config).toMatchObject({
      listen: { host: '127.0.0.1', port: 7460 },
      dataDirectory: inFolder('.greenroom'),
      defaultPipeline: 'echo',
      unknownModel: 'default',
      aliases: [],
      shutdown: { totalMs: 3_000 },
      store: { kind: 'sqlite', keepMs: 2_592_000_000, bytesMax: 1_073_741_824 },
      log: { level: 'info', cleanup: false, sizeBytes: 10_485_760, keep: 5 },
      auth: { tokens: [], admin: [], origins: [] },
      sessions: {
        max: 200,
        keepaliveMs: 15_000,
        queueBytesMax: 8_388_608,
        lobby: { waitMs: 60_000, audio: { ageMs: 30_000, bytesMax: 4_194_304, bytesTotalMax: 67_108_864 } },
      },
    });
    expect(config.engines['voice']).toEqual({
      kind: 'builtin',
      name: 'voice',
      builtin: 'flite',
      offers: ['speak'],
      options: {},
      start: 'eager',
      ready: { stallMs: 120_000, totalMs: 600_000 },
      idleMs: undefined,
      group: undefined,
      waiting: { max: 64, ms: 60_000 },
      drainMs: 10_000,
      stopGraceMs: 10_000,
      cancelGraceMs: 2_000,
      keepLog: true,
    });
    expect(config.pipelines['echo']).toMatchObject({ kind: 'echo', needs: ['voice', 'activity'] });
  });

  test('a JSON file needs no YAML parser either', async () => {
    const { config, source } = await loadFrom({ 'greenroom.json': '{ "listen": 8000 }' });
    expect(yamlImported.times).toBe(0);
    expect([source, config.listen.port]).toEqual(['greenroom.json', 8000]);
  });

  test.each(['', '# nothing yet\n', '---\n', '\uFEFF\n'])(
    'an empty file (%j) behaves as no file',
    async (text) => {
      const { config } = await loadFrom({ 'greenroom.yaml': text });
      expect(config.unknownModel).toBe('default');
      expect(Object.keys(config.engines)).toEqual(['voice', 'activity']);
    },
  );

  test('the configuration is frozen, and names that objects inherit are no engines', async () => {
    const { config } = await loadFrom({});
    expect(() => Object.assign(config.sessions.lobby.audio, { ageMs: 1 })).toThrow(TypeError);
    expect(config.engines['constructor']).toBeUndefined();
    expect(config.pipelines['toString']).toBeUndefined();
  });
});

describe('the file', () => {
  test('is greenroom.yaml before greenroom.yml before greenroom.json, unless one is named', async () => {
    const files = {
      'greenroom.yaml': 'listen: 1',
      'greenroom.yml': 'listen: 2',
      'greenroom.json': '{"listen": 3}',
      'other/x.yaml': 'listen: 4',
    };
    const sourceOf = async (skip: number, options: Partial<LoadOptions> = {}) => {
      const kept = Object.fromEntries(Object.entries(files).slice(skip));
      const { config, source } = await loadFrom(kept, options);
      return [config.listen.port, source];
    };
    expect(await sourceOf(0)).toEqual([1, 'greenroom.yaml']);
    expect(await sourceOf(1)).toEqual([2, 'greenroom.yml']);
    expect(await sourceOf(2)).toEqual([3, 'greenroom.json']);
    expect(await sourceOf(0, { file: 'other/x.yaml' })).toEqual([4, 'other/x.yaml']);
  });

  test('may have engines of every kind, with paths from its own folder', async () => {
    const text = `
      data: ./state
      engines:
        a: { worker: ./engines/a.mjs, isolate: thread, offers: [speak, vad], options: { deep: [1, { x: null }] } }
        b:
          run: [python3, engine.py, --port, "\${port}", 5]
          cwd: ./b
          env: { N: 1, ON: true, TOKEN: "env:B_TOKEN" }
          ready: { http: /v1/health, status: 204, stall: 1.5s, total: 10m, probeTimeout: 250ms }
          stopGrace: 1s
        c: { run: [c], port: 9000, host: "::1", ready: { log: "Model loaded" }, offers: [chat], log: false }
        d: { run: [d] }
      pipelines:
        default: { kind: echo, speak: a, vad: a, needs: [b, a], voice: low, instructions: Be brief. }
      aliases: { "gpt-*": default }`;
    const file = { 'conf/g.yaml': text, 'conf/engines/a.mjs': '' };
    const { config, secrets, inFolder } = await loadFrom(file, {
      file: 'conf/g.yaml',
      env: { B_TOKEN: 'hush-hush' },
    });
    const { a, b, c, d } = config.engines;
    expect(config.dataDirectory).toBe(inFolder('conf', 'state'));
    expect(a).toMatchObject({
      kind: 'worker',
      worker: inFolder('conf', 'engines', 'a.mjs'),
      isolate: 'thread',
    });
    expect(b).toMatchObject({
      kind: 'run',
      run: ['python3', 'engine.py', '--port', expect.stringMatching(/^\$\{port\}$/), '5'],
      cwd: inFolder('conf', 'b'),
      port: 'auto',
      offers: [],
      ready: {
        http: '/v1/health',
        status: 204,
        stallMs: 1_500,
        totalMs: 600_000,
        probeTimeoutMs: 250,
        log: undefined,
      },
    });
    expect(b?.kind === 'run' && [b.env['N'], b.env['ON'], String(b.env['TOKEN'])]).toEqual([
      '1',
      'true',
      '***',
    ]);
    expect(secrets.mask('a hush-hush b')).toBe('a *** b');
    expect(c).toMatchObject({
      port: 9000,
      host: '::1',
      keepLog: false,
      ready: { http: undefined, log: 'Model loaded' },
    });
    expect(d).toMatchObject({ cwd: inFolder('conf'), ready: { http: '/health' } });
    expect(config.pipelines['default']?.needs).toEqual(['a', 'b']);
    expect(config).toMatchObject({
      defaultPipeline: 'default',
      unknownModel: 'refuse',
      aliases: [{ glob: 'gpt-*', pipeline: 'default' }],
    });
  });

  test('without pipelines gets the embedded ones with the engines they need beside its own', async () => {
    const { config } = await loadFrom({ 'greenroom.yaml': 'engines: { llm: { run: [llm] } }' });
    expect(Object.keys(config.engines).sort()).toEqual(['activity', 'llm', 'voice']);
    expect(config.unknownModel).toBe('default');
  });

  test('with pipelines of its own and no engines may use the embedded engines', async () => {
    const text = 'pipelines: { mine: { kind: echo, speak: voice, vad: activity } }';
    const { config } = await loadFrom({ 'greenroom.yaml': text });
    expect(config).toMatchObject({ defaultPipeline: 'mine', unknownModel: 'refuse' });
  });

  test('may say that there is no pipeline at all', async () => {
    const { config } = await loadFrom({ 'greenroom.yaml': 'pipelines: {}\nengines: {}' });
    expect([config.defaultPipeline, Object.keys(config.engines)]).toEqual([undefined, []]);
  });

  test('may use anchors and merge keys', async () => {
    const text =
      'engines:\n  a: &base { builtin: flite, stopGrace: 1s }\n  b: { <<: *base, stopGrace: 2s }\n';
    const { config } = await loadFrom({ 'greenroom.yaml': text });
    expect([config.engines['a']?.stopGraceMs, config.engines['b']?.stopGraceMs]).toEqual([1_000, 2_000]);
    expect(yamlImported.times).toBe(1);
  });

  test('may open the door to others when both kinds of tokens are set', async () => {
    const text =
      'listen: 0.0.0.0:80\nauth: { tokens: ["env:T"], admin: ["env:A"], origins: ["https://a.example/"] }';
    const { config } = await loadFrom(
      { 'greenroom.yaml': text },
      { env: { T: 'caller-token', A: 'admin-token' } },
    );
    expect(config.auth.tokens.map((token) => token.reveal())).toEqual(['caller-token']);
    expect(config.auth.origins).toEqual(['https://a.example']);
    expect(JSON.stringify(config)).not.toContain('-token');
  });
});

describe('engines that cannot be', () => {
  test('a module that is not there is told with its place, and what is no file', async () => {
    const text = 'engines:\n  a: { worker: ./nowhere.mjs }\n  b: { worker: ./folder }\n';
    const failure = await failureOf({ 'greenroom.yaml': text, 'folder/x': '' });
    expect(failure.message).toMatch(
      /greenroom\.yaml:2:16 engines\.a\.worker: there is no file \/.*nowhere\.mjs/,
    );
    expect(failure.message).toMatch(/greenroom\.yaml:3:16 engines\.b\.worker: \/.*folder is not a file/);
  });

  test('a variable that is nearly ours is told; the shell’s own are left to it', async () => {
    const run = (argument: string) => ({
      'greenroom.yaml': `engines: { a: { run: [sh, -c, '${argument}'] } }`,
    });
    const failure = await failureOf(run('serve --port ${prot}'));
    expect(failure.message).toContain('${prot} is not filled in; did you mean "port"?');
    await loadFrom(run('serve --port ${port} --home ${HOME} --host ${host}'));
  });
});

test('the store is a word, or how much it keeps', async () => {
  const store = async (written: string) =>
    (await loadFrom({ 'greenroom.yaml': `store: ${written}` })).config.store;
  const sqlite = { kind: 'sqlite', keepMs: 2_592_000_000, bytesMax: 1_073_741_824 };
  expect(await store('sqlite')).toEqual(sqlite);
  expect(await store('{}')).toEqual(sqlite);
  expect(await store('none')).toEqual({ kind: 'none' });
  expect(await store('{ keep: 365d }')).toEqual({ ...sqlite, keepMs: 31_536_000_000 });
  expect(await store('{ keep: 1h, size: 5MiB }')).toEqual({
    ...{ kind: 'sqlite', keepMs: 3_600_000, bytesMax: 5_242_880 },
  });
});
