import { chmod } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { askedEngines } from '../../../src/cli/asked-engines.ts';
import { discover } from '../../../src/cli/discover.ts';
import { findPackage } from '../../../src/cli/find-package.ts';
import { foundEngines } from '../../../src/config/found.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { SecretRegistry } from '../../../src/config/secrets.ts';
import type { LocalEngine } from '../../../src/engines/presets/local.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';

const { signal } = new AbortController();

const engine = (changes: Partial<LocalEngine>): LocalEngine => ({
  ...{ preset: 'ollama', url: 'http://127.0.0.1:11434', models: ['qwen3:4b', 'phi'], state: 'running' },
  ...changes,
});

async function found(running: readonly LocalEngine[], { env = {}, taken = [] as readonly string[] } = {}) {
  const look = () => Promise.resolve(running);
  const { findings, engines } = await discover({ clock: systemClock, signal, env, taken, look });
  return { lines: findings.map(({ text }) => text), findings, engines };
}

async function programs(folder: TestFolder, ...names: readonly string[]) {
  for (const name of names) await chmod(await folder.write(name, '#!/bin/sh\n'), 0o755);
  return { PATH: folder.path };
}

describe('what is found on this machine', () => {
  test('is nothing on most', async () => {
    expect(await found([])).toEqual({ lines: [], findings: [], engines: {} });
  });

  test('and runs becomes an engine of its name, with a line that says so', async () => {
    const { lines, engines, findings } = await found([
      engine({}),
      engine({ preset: 'lmstudio', url: 'http://127.0.0.1:1234', models: ['gemma'] }),
      engine({ preset: 'llama-server', url: 'http://127.0.0.1:8080', models: ['q.gguf'] }),
      engine({ preset: 'llama-server', url: 'http://127.0.0.1:9931', models: [], state: 'loading' }),
    ]);
    expect(lines).toEqual([
      'found Ollama at http://127.0.0.1:11434 with qwen3:4b: it is the engine "ollama"',
      'found LM Studio at http://127.0.0.1:1234 with gemma: it is the engine "lmstudio"',
      'found llama-server (llama.cpp) at http://127.0.0.1:8080 with q.gguf: it is the engine "llama-server"',
      'found llama-server (llama.cpp) at http://127.0.0.1:9931 with a model that it loads: it is the engine "llama-server-2"',
    ]);
    expect(findings[0]).toMatchObject({ engine: 'ollama', preset: 'ollama', model: 'qwen3:4b' });
    const configs = foundEngines(engines, { cwd: '/', secrets: new SecretRegistry() });
    expect(configs).toMatchObject([
      { name: 'ollama', kind: 'url', modelName: 'qwen3:4b', url: 'http://127.0.0.1:11434' },
      { name: 'lmstudio', kind: 'url', modelName: 'gemma' },
      { name: 'llama-server', kind: 'url', preset: 'llama-server', offers: ['chat'] },
      { name: 'llama-server-2', kind: 'url' },
    ]);
    // Who runs already is not started by us.
    expect(configs.every((config) => config.kind === 'url' && config.otherwise === undefined)).toBe(true);
  });

  test('and has no model is only told', async () => {
    const { lines, engines } = await found([
      engine({ models: [] }),
      engine({ preset: 'lmstudio', url: 'http://127.0.0.1:1234', models: [] }),
    ]);
    expect(lines).toEqual([
      'found Ollama at http://127.0.0.1:11434, without a model: `ollama pull MODEL` gets one',
      'found LM Studio at http://127.0.0.1:1234, without a model: load one there',
    ]);
    expect(engines).toEqual({});
  });

  test('and does not run is mentioned, never started; a key is mentioned, never used', async () => {
    await using folder = await testFolder();
    const path = await programs(folder, 'llama-server', 'ollama');
    const { lines, engines } = await found([], { env: { ...path, OPENAI_API_KEY: 'sk-hush-hush' } });
    expect(lines).toEqual([
      'llama-server is on the PATH: `--model FILE.gguf` starts it',
      'Ollama is installed and does not run: `ollama serve` starts it',
      'OPENAI_API_KEY is set, and not used: `--openai` would',
    ]);
    expect(engines).toEqual({});
    const quiet = await found([engine({}), engine({ preset: 'llama-server', models: ['q'] })], {
      env: { ...path, OPENAI_API_KEY: 'sk-hush-hush' },
      taken: ['openai'],
    });
    expect(quiet.lines.every((line) => line.startsWith('found'))).toBe(true);
  });

  test('takes no name from another', async () => {
    const { engines } = await found([engine({}), engine({}), engine({})], { taken: ['ollama'] });
    expect(Object.keys(engines)).toEqual(['ollama-2']);
  });
});

describe('what is asked for', () => {
  const none = () => false;

  test('a model runs in llama-server, or else in our own, beside the embedded engines', async () => {
    await using folder = await testFolder();
    const cwd = folder.path;
    const model = await folder.write('m.gguf', 'GGUF');
    const env = await programs(folder, 'llama-server');
    expect(await askedEngines({ model: 'm.gguf', cwd, env, resolves: none })).toEqual({
      llm: { preset: 'llama-server', model },
    });
    const own = await askedEngines({ model: 'm.gguf', cwd, env: {}, resolves: () => true });
    expect(own).toEqual({ llm: { builtin: 'llama', model } });
    const { config } = await loadConfig({ engines: own, env: {}, cwd });
    expect(Object.keys(config.engines)).toEqual(['voice', 'activity', 'llm']);
    expect(config.engines['llm']).toMatchObject({ kind: 'builtin', options: { model } });
    expect([config.defaultPipeline, config.unknownModel]).toEqual(['echo', 'default']);
  });

  test('a model that nothing can run is refused, with both ways out', async () => {
    await using folder = await testFolder();
    const cwd = folder.path;
    await folder.write('m.gguf', 'GGUF');
    await expect(askedEngines({ model: 'm.gguf', cwd, env: {}, resolves: none })).rejects.toMatchObject({
      code: 'engine_program_missing',
      message: `--model: nothing here can run ${cwd}/m.gguf: put \`llama-server\` of llama.cpp on the PATH, or install \`node-llama-cpp\` (\`npm install node-llama-cpp\`)`,
    });
    // Whether it is installed is found out, and is no error.
    await askedEngines({ model: 'm.gguf', cwd, env: {} }).catch((error: unknown) =>
      expect(error).toMatchObject({ code: 'engine_program_missing' }),
    );
  });

  test('what would run it may be in the folder where it is asked for', async () => {
    await using folder = await testFolder();
    const cwd = folder.path;
    expect(findPackage('a-package-of-nobody', cwd)).toBeUndefined();
    const path = await folder.write('node_modules/a-package-of-nobody/index.js', '');
    expect(findPackage('a-package-of-nobody', cwd)).toBe(path);
  });

  test.each([
    ['no.gguf', /^--model: there is no file \/.*no\.gguf$/],
    ['.', /^--model: \/.* is not a file$/],
  ])('a model that is not there (%s) is refused', async (model, message) => {
    await using folder = await testFolder();
    const asked = askedEngines({ model, cwd: folder.path, env: {}, resolves: none });
    await expect(asked).rejects.toMatchObject({ code: 'bad_usage', message: expect.stringMatching(message) });
  });

  test('OpenAI is used with its key, and only where it is asked for', async () => {
    const engines = await askedEngines({ openai: true, cwd: '/', env: {} });
    const env = { OPENAI_API_KEY: 'sk-hush-hush' };
    await using folder = await testFolder();
    const { config, secrets } = await loadConfig({ engines, env, cwd: folder.path });
    expect(config.engines['openai']).toMatchObject({ kind: 'url', url: 'https://api.openai.com' });
    expect(secrets.mask('sk-hush-hush')).toBe('***');
    await expect(loadConfig({ engines, env: {}, cwd: folder.path })).rejects.toMatchObject({
      code: 'secret_missing',
    });
  });

  test('beside a configuration file is refused, with what to write there', async () => {
    await using folder = await testFolder();
    await folder.write('greenroom.yaml', 'log: {}');
    const cwd = folder.path;
    const refused = (options: object) => askedEngines({ ...options, cwd, env: {} });
    await expect(refused({ model: 'm.gguf' })).rejects.toMatchObject({
      code: 'bad_usage',
      message:
        '--model is for a start without a configuration file, and there is greenroom.yaml; write there, under `engines`: llm: { preset: llama-server, model: "m.gguf" }',
    });
    await expect(refused({ openai: true, config: 'other.yaml' })).rejects.toThrow(
      '--openai is for a start without a configuration file, and there is other.yaml',
    );
    expect(await refused({})).toEqual({});
    // A file is never added to.
    const { config } = await loadConfig({ engines: { x: { builtin: 'flite' } }, env: {}, cwd });
    expect(Object.keys(config.engines)).toEqual(['voice', 'activity']);
  });
});
