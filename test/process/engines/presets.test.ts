// Presets from their configuration to their first output: programs of our own take the place of the real ones.
import { chmod } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { EngineConfig } from '../../../src/config/types.ts';
import { nobodyLooks } from '../../../src/engines/process/ownership.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { fixture, Supervised } from './supervised.ts';

/** A program of this name in `bin`. */
async function program(folder: TestFolder, name: string): Promise<void> {
  const text = `#!${process.execPath}\nimport(${JSON.stringify(fixture('preset-program.mjs'))});\n`;
  await chmod(await folder.write(`bin/${name}`, text), 0o755);
}

/** As much of a model as is looked at before a start. */
const writeModel = (folder: TestFolder) => {
  const head = Buffer.alloc(64);
  head.write('GGUF');
  head.writeUInt32LE(3, 4);
  head.writeBigUInt64LE(1n, 8);
  head.writeBigUInt64LE(1n, 16);
  return folder.write('m.gguf', head);
};

async function configOf(folder: TestFolder, written: string): Promise<EngineConfig> {
  const file = await folder.write('greenroom.yaml', `engines:\n  mine: ${written}\n`);
  const { config } = await loadConfig({ file, env: {}, cwd: folder.path });
  return config.engines['mine'] as EngineConfig;
}

const chat = '4 pieces of text from a chat of 4 tokens';

describe('a preset', () => {
  test.each([
    ['llama-server', 'llama-server, model: m.gguf, env: { LOAD_MS: 600 }', chat, /^loads \/.*m\.gguf$/m],
    ['llama-server', 'llama-server, model: m.gguf, socket: auto', chat, /^greenroom: .* --host \/.*\.sock /m],
    ['whisper-server', 'whisper-server, model: m.gguf', 'a transcript of 6 characters of a tone', /m\.gguf/],
    ['vllm', 'vllm, model: org/name', chat, /^chat of mine: Hello, 4 tokens$/m],
    ['vllm', 'vllm, model: org/name, args: [--served-model-name, big]', chat, /^chat of big: Hello/m],
    ['python3', 'sglang, model: org/name', chat, /^chat of mine: Hello, 4 tokens$/m],
  ])('%s: %s', async (name, written, generated, says) => {
    await using folder = await testFolder();
    await writeModel(folder);
    await program(folder, name);
    const config = await configOf(folder, `{ preset: ${written}, program: bin/${name} }`);
    await using stage = await Supervised.start(config);
    await stage.becomes('ready');
    expect(stage.engine.status().evidence).toMatchObject({ http: 'HTTP 200 from /health', generated });
    await stage.says(says);
  });

  test.each([
    ['llama-server', 'llama-server, model: m.gguf'],
    ['vllm', 'vllm, model: x'],
  ])('%s is known for ours by the name that it was given', async (name, written) => {
    await using folder = await testFolder();
    await writeModel(folder);
    await program(folder, name);
    await using stage = await Supervised.owned(
      nobodyLooks,
      await configOf(folder, `{ preset: ${written}, program: bin/${name} }`),
    );
    await stage.becomes('ready');
    expect(stage.engine.status().evidence.owned).toMatch(/^\/v1\/models names greenroom-[0-9a-f]{8}$/);
  });

  test('whose model is not there has failed for good, before it is started', async () => {
    await using folder = await testFolder();
    await program(folder, 'llama-server');
    await using stage = await Supervised.start(
      await configOf(folder, '{ preset: llama-server, model: no.gguf, program: bin/llama-server }'),
    );
    await stage.becomes('failed');
    expect(stage.engine.status().failure).toMatchObject({
      ...{ code: 'model_file_unusable', cause: 'file_missing' },
      message: expect.stringMatching(/^engine mine: its model \/.*no\.gguf does not exist$/),
    });
  });

  test('that is not installed says where it was looked for', async () => {
    await using folder = await testFolder();
    await folder.write('m.bin', 'lmgg');
    await using stage = await Supervised.start(
      await configOf(folder, '{ preset: whisper-server, model: m.bin, program: no-such-whisper }'),
    );
    await stage.becomes('failed');
    expect(stage.engine.status().failure).toMatchObject({
      ...{ code: 'engine_program_missing', cause: 'program_missing' },
      message: 'engine mine: cannot start no-such-whisper: not found in PATH',
    });
  });

  test('llama-server says how far it is by its dots', async () => {
    await using folder = await testFolder();
    await writeModel(folder);
    await program(folder, 'llama-server');
    await using stage = await Supervised.start(
      await configOf(
        folder,
        '{ preset: llama-server, model: m.gguf, program: bin/llama-server, env: { LOAD_MS: 60000 } }',
      ),
    );
    await until(() => stage.engine.life.progress === 0.5, { timeoutMs: 5000, what: 'half of it' });
    expect(stage.engine.life.state).toBe('starting');
  });
});
