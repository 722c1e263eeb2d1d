// Engines of others: presets, addresses, groups, sockets, and what is told of those that cannot be.
import { describe, expect, test } from 'vitest';
import { presetNames } from '../../../src/config/presets.ts';
import type { EngineConfig, RunEngineConfig, UrlEngineConfig } from '../../../src/config/types.ts';
import { failureOf, loadFrom } from './loading.ts';

const env = { KEY: 'sk-hush-hush' };

async function engine(written: string) {
  const { config, secrets, inFolder } = await loadFrom(
    { 'greenroom.yaml': `engines:\n  it: ${written}\n` },
    { env },
  );
  return { it: config.engines['it'] as EngineConfig, secrets, inFolder };
}

const run = async (written: string) => {
  const { it, inFolder } = await engine(written);
  expect(it.kind).toBe('run');
  return { it: it as RunEngineConfig, inFolder };
};
const url = async (written: string) => {
  const { it, secrets } = await engine(written);
  expect(it.kind).toBe('url');
  return { it: it as UrlEngineConfig, secrets };
};

async function linesOf(text: string): Promise<string[]> {
  const { message } = await failureOf({ 'greenroom.yaml': text }, { env });
  return message.split('\n').map((line) => line.replace(/^greenroom\.yaml:/, ''));
}

describe('what every engine may say', () => {
  test('has its defaults', async () => {
    const { it } = await run('{ run: [x] }');
    expect(it).toMatchObject({
      start: 'eager',
      idleMs: undefined,
      group: undefined,
      waiting: { max: 64, ms: 60_000 },
      drainMs: 10_000,
      ...{ socket: undefined, model: undefined, modelName: undefined, preset: undefined },
      ready: {
        ...{ loading: undefined, body: undefined, owned: true, generate: false, generateTimeoutMs: 30_000 },
      },
    });
  });

  test('is taken as it is written', async () => {
    const { it, inFolder } = await run(
      '{ run: [x], start: lazy, idle: 10m, group: gpu, waiting: { max: 3, time: 5s }, drain: 0, socket: auto, ' +
        'model: ./m.gguf, exclusive: true, modelName: big, offers: [chat], ' +
        'ready: { loading: [503, 400], body: ok, owned: false, generate: true, generateTimeout: 1m } }',
    );
    expect(it).toMatchObject({
      ...{ start: 'lazy', idleMs: 600_000, group: 'gpu', waiting: { max: 3, ms: 5000 }, drainMs: 0 },
      ...{ socket: 'auto', modelName: 'big' },
      model: { path: inFolder('m.gguf'), format: 'gguf', exclusive: true },
      ready: { loading: [503, 400], body: 'ok', owned: false, generate: true, generateTimeoutMs: 60_000 },
    });
  });

  test('of a group is lazy unless it says otherwise', async () => {
    expect((await run('{ run: [x], group: gpu }')).it.start).toBe('lazy');
    expect((await run('{ run: [x], group: gpu, start: eager }')).it.start).toBe('eager');
  });

  test('a path of a socket is absolute', async () => {
    const { it, inFolder } = await run('{ run: [x], socket: run/x.sock }');
    expect(it.socket).toBe(inFolder('run/x.sock'));
  });

  test('builtin: llama has its options beside it, its model absolute', async () => {
    const { it, inFolder } = await engine('{ builtin: llama, model: m.gguf, context: 4096, gpu: false }');
    expect(it).toMatchObject({ kind: 'builtin', builtin: 'llama', offers: ['chat', 'embed'] });
    expect(it.kind === 'builtin' && it.options).toEqual({
      model: inFolder('m.gguf'),
      context: 4096,
      gpu: false,
      parallel: 1,
    });
  });
});

describe('a preset that is started', () => {
  test('llama-server: by its own port, known for ours by its alias', async () => {
    const { it, inFolder } = await run('{ preset: llama-server, model: ./m.gguf, args: ["-c", 4096] }');
    expect(it).toMatchObject({
      preset: 'llama-server',
      run: [
        ...['llama-server', '--model', inFolder('m.gguf'), '--host', '${host}', '--port', '${port}'],
        ...['--alias', 'greenroom-${instance}', '-c', '4096'],
      ],
      port: 'auto',
      offers: ['chat'],
      model: { path: inFolder('m.gguf'), format: 'gguf', exclusive: false },
      modelName: undefined,
      ready: { http: '/health', status: 200, loading: [503], owned: true, generate: true, log: undefined },
    });
  });

  test('llama-server: by a socket, another program, another alias, for embeddings', async () => {
    const { it, inFolder } = await run(
      '{ preset: llama-server, model: m.gguf, socket: auto, program: bin/ls, args: [--embedding, --alias=mine] }',
    );
    expect(it).toMatchObject({
      run: [
        ...[inFolder('bin/ls'), '--model', inFolder('m.gguf'), '--host', '${socket}'],
        ...['--embedding', '--alias=mine'],
      ],
      socket: 'auto',
      offers: ['embed'],
      modelName: 'mine',
    });
  });

  test.each([
    [
      'whisper-server, model: m.bin',
      'whisper-server --model FOLDER/m.bin --host ${host} --port ${port} --inference-path /v1/audio/transcriptions',
      ['transcribe'],
    ],
    [
      'vllm, model: org/name',
      'vllm serve org/name --host ${host} --port ${port} --served-model-name it greenroom-${instance}',
      ['chat'],
    ],
    [
      'vllm, model: ./name, socket: auto',
      'vllm serve FOLDER/name --uds ${socket} --served-model-name it greenroom-${instance}',
      ['chat'],
    ],
    [
      'sglang, model: org/name, program: /venv/bin/python',
      '/venv/bin/python -m sglang.launch_server --model-path org/name --host ${host} --port ${port} --served-model-name it',
      ['chat'],
    ],
    ['generic, program: serve, args: ["${port}"], offers: [embed]', 'serve ${port}', ['embed']],
  ])('%s', async (written, command, offers) => {
    const { it, inFolder } = await run(`{ preset: ${written} }`);
    expect(it.run.join(' ')).toBe(command.replace('FOLDER', inFolder()));
    expect(it.offers).toEqual(offers);
    expect(it.ready.generate).toBe(true);
    // A name that is wrong is refused by those that serve under a name.
    expect(it.modelName).toBe(/^(?:vllm|sglang)/.test(written) ? 'it' : undefined);
  });

  test('lets what is ready be told otherwise, key by key', async () => {
    const { it } = await run(
      '{ preset: llama-server, model: m.gguf, ready: { http: /v1/health, loading: [], generate: false, total: 1h } }',
    );
    expect(it.ready).toMatchObject({
      ...{ http: '/v1/health', status: 200, loading: [], generate: false },
      ...{ totalMs: 3_600_000, stallMs: 120_000, probeTimeoutMs: 5000 },
    });
  });
});

describe('an engine that runs already', () => {
  test('is asked at its address, with its key, which is a secret', async () => {
    const { it, secrets } = await url(
      '{ url: "https://host.example/sub/v1/", key: env:KEY, modelName: m, check: 5s, offers: [chat] }',
    );
    expect(it).toMatchObject({
      url: 'https://host.example/sub',
      ...{ modelName: 'm', checkEveryMs: 5000, offers: ['chat'], idleMs: undefined, preset: undefined },
      ready: { http: '/v1/models', status: 200, generate: false },
    });
    expect(it.key?.reveal()).toBe('sk-hush-hush');
    expect(secrets.mask('sk-hush-hush')).toBe('***');
    expect(JSON.stringify(it)).not.toContain('hush');
  });

  test('of a preset is known by what that one answers', async () => {
    const { it } = await url('{ preset: llama-server, url: "http://10.0.0.5:8080" }');
    expect(it).toMatchObject({
      url: 'http://10.0.0.5:8080',
      ready: { http: '/health', loading: [503], generate: false },
    });
    expect(it.otherwise).toBeUndefined();
  });

  test('Ollama is found, or else started; its variables say where', async () => {
    const { it } = await url('{ preset: ollama, model: "qwen3:4b" }');
    expect(it).toMatchObject({
      ...{ url: 'http://127.0.0.1:11434', modelName: 'qwen3:4b', offers: ['chat'] },
      ready: { http: '/', body: 'Ollama is running', generate: false },
      otherwise: {
        ...{ kind: 'run', run: ['ollama', 'serve'], env: { OLLAMA_HOST: '${address}' }, port: 'auto' },
        modelName: 'qwen3:4b',
        ready: { generate: true },
      },
    });
    expect((await url('{ preset: ollama }')).it.otherwise?.ready.generate).toBe(false);
    expect((await url('{ preset: ollama, url: "http://h:1" }')).it.otherwise).toBeUndefined();
  });

  test('LM Studio is found, and never started', async () => {
    const { it } = await url('{ preset: lmstudio }');
    expect(it).toMatchObject({ url: 'http://127.0.0.1:1234', ready: { body: '"lmstudio":true' } });
    expect(it.otherwise).toBeUndefined();
  });

  test('OpenAI has its address', async () => {
    const { it } = await url('{ preset: openai, key: env:KEY, model: gpt-x }');
    expect(it).toMatchObject({ url: 'https://api.openai.com', modelName: 'gpt-x' });
  });
});

describe('what cannot be is told with its place', () => {
  const list: readonly [written: string, at: string, message: string][] = [
    [
      '{ preset: lama-server, model: m }',
      'lama-server',
      `.preset: expected one of ${presetNames.join(', ')}, got "lama-server"; did you mean "llama-server"?`,
    ],
    [
      '{ preset: llama-server }',
      '',
      '.model: is missing; expected the file of the model that llama-server (llama.cpp) loads (or `url` of one that runs already)',
    ],
    [
      '{ preset: vllm }',
      '',
      '.model: is missing; expected the model, by its name or folder (or `url` of one that runs already)',
    ],
    [
      '{ preset: generic }',
      '',
      '.url: is missing; expected the address of a server, or a `program` that is one',
    ],
    ['{ preset: openai }', '', '.key: is missing; such as env:OPENAI_API_KEY'],
    [
      '{ preset: llama-server, model: m, key: k1234 }',
      'k1234',
      '.key: `key` is sent to one that runs already (`url`); this one is started',
    ],
    [
      '{ preset: llama-server, url: "http://h:1", args: [x] }',
      '[x]',
      '.args: `args` is for one that is started, and with `url` none is started',
    ],
    [
      '{ preset: lmstudio, program: lms }',
      'lms }',
      '.program: `program` is for one that is started, and greenroom does not start LM Studio',
    ],
    [
      '{ preset: ollama, idle: 5m }',
      '5m',
      '.idle: `idle` is for engines that greenroom loads and unloads; one that runs already is never stopped',
    ],
    [
      '{ preset: whisper-server, model: m, socket: auto }',
      'auto',
      '.socket: whisper-server (whisper.cpp) cannot listen on a UNIX socket; leave `socket` out',
    ],
    [
      '{ preset: vllm, model: m, args: [--port=1] }',
      '--port',
      '.args.0: greenroom says where it listens: use `host` and `port`, or `socket`',
    ],
    ['{ preset: vllm, model: m, run: [x] }', '{', ': an engine is of one kind: `run` or `preset`, not both'],
    ['{ preset: vllm, model: m, option: 1 }', 'option', '.option: unknown key; known here: '],
    [
      '{ url: "ftp://h" }',
      '"',
      '.url: expected an address such as http://127.0.0.1:8000: http:// or https://, not ftp:',
    ],
    [
      '{ url: "http://u:secret-word@h" }',
      '"',
      '.url: an address without name and password: a key goes into `key`',
    ],
    [
      '{ url: "http://h?key=secret-word" }',
      '"',
      '.url: expected an address such as http://127.0.0.1:8000, without ? and #',
    ],
    ['{ url: 3 }', '3', '.url: expected an address, what stands before /v1/...: http://127.0.0.1:8000'],
    [
      '{ url: "http://localhost:7460" }',
      '"',
      '.url: http://localhost:7460 is the door of greenroom itself (`listen`)',
    ],
    [
      '{ url: "http://h", idle: 5m }',
      'idle',
      ".idle: `idle` is for engines that greenroom starts; this one is somebody else's, and never stopped",
    ],
    [
      '{ url: "http://h", headers: {} }',
      'headers',
      '.headers: `headers` is not there; a key goes into `key`',
    ],
    [
      '{ url: "http://h", ready: { generate: true } }',
      'true',
      '.ready.generate: `generate` needs `offers`: what it is to be asked (chat, transcribe, speak, embed)',
    ],
    ['{ run: [x, "${socket}"] }', '"', '.run.1: ${socket} needs `socket: auto`, or a path'],
    ['{ run: [x, "${modle}"] }', '"', '.run.1: ${modle} is not filled in; did you mean "model"?'],
    [
      '{ run: [x], port: 80, socket: auto }',
      'auto',
      '.socket: `port` and `socket`: it listens on one of them',
    ],
    [
      `{ run: [x], socket: /${'s'.repeat(103)} }`,
      '/s',
      '.socket: a path of a socket has at most 103 bytes, this one has 104',
    ],
    ['{ run: [x], exclusive: true }', 'true', '.exclusive: `exclusive` is of a `model`, which is missing'],
    ['{ run: [x], ready: { loading: [99] } }', '99', '.ready.loading.0: expected at least 100, got 99'],
    ['{ builtin: llama }', '', '.model: is missing; expected text'],
    [
      '{ builtin: llama, model: m, options: {} }',
      'options',
      '.options: `builtin: llama` has its options beside it: model, context, threads, gpu, parallel',
    ],
    ['{ builtin: llama, model: m, gpu: amd }', 'amd', '.gpu: expected auto or false'],
    ['{ builtin: flite, group: Big }', 'Big', '.group: expected a name of small letters, digits, - and _'],
  ];
  test.each(list)('%s', async (written, at, message) => {
    const [line = '', ...more] = await linesOf(`engines:\n  it: ${written}`);
    // At the text that is wrong; what is missing is told at its engine.
    const column = at === '' ? 3 : 7 + written.indexOf(at);
    expect(line.replace(/(unknown key; known here: ).*/, '$1')).toBe(`2:${column} engines.it${message}`);
    expect(more).toEqual([]);
    expect(line).not.toContain('secret-word');
  });

  test('a group has one that is eager', async () => {
    const text =
      'engines:\n  a: { run: [x], group: gpu, start: eager }\n  b: { run: [x], group: gpu, start: eager }\n';
    expect(await linesOf(text)).toEqual([
      '3:37 engines.b.start: "a" of the group "gpu" is eager already, and one of a group is loaded at a time; make this one lazy',
    ]);
  });

  test('a pipeline cannot need two of a group', async () => {
    const text =
      'engines:\n  a: { run: [x], group: gpu, offers: [speak] }\n  b: { worker: b.mjs, group: gpu, offers: [vad] }\n' +
      'pipelines:\n  p: { kind: echo, speak: a, vad: b, needs: [a] }\n';
    const { message } = await failureOf({ 'greenroom.yaml': text, 'b.mjs': '' });
    expect(message).toBe(
      'greenroom.yaml:5:35 pipelines.p.vad: "b" and "a" are of one group, "gpu": one of them is loaded at a time',
    );
  });

  test('ports of presets are as exclusive as others', async () => {
    const text =
      'engines:\n  a: { preset: vllm, model: m, port: 9000 }\n  b: { preset: vllm, model: m, port: 9000 }\n';
    expect(await linesOf(text)).toEqual(['3:38 engines.b.port: 9000 is taken by the engine "a"']);
  });
});
