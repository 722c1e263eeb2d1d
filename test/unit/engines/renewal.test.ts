// Whether an engine can be started beside itself.
import { expect, test } from 'vitest';
import type { EngineConfig } from '../../../src/config/types.ts';
import { renewalOf } from '../../../src/engines/renewal.ts';
import { runConfig, urlConfig } from '../../support/engine-configs.ts';
import { testFolder } from '../../support/folder.ts';

const plenty = async () => 2 ** 40;
const renewed = (config: EngineConfig, after = config, available = plenty) =>
  renewalOf(config, after, available);

test('a program with a port of its own choice, yes; with what it has alone, no, and why', async () => {
  expect(await renewed(runConfig())).toEqual({ name: 'mine', way: 'beside', why: null });
  expect(await renewed(runConfig({ port: 8080 }))).toMatchObject({
    way: 'in_place',
    why: 'its port is always 8080; with `port: auto` two can run',
  });
  expect(await renewed(runConfig({ socket: '/run/x.sock' }))).toMatchObject({ way: 'in_place' });
  expect(await renewed(runConfig({ group: 'gpu' }))).toMatchObject({
    way: 'in_place',
    why: 'of the engines of group gpu one is loaded at a time',
  });
  const model = { path: '/models/a.gguf', format: undefined, exclusive: true };
  expect(await renewed(runConfig({ model }))).toMatchObject({
    way: 'in_place',
    why: 'its model /models/a.gguf is `exclusive`',
  });
});

test('with another port, or another model, two can run', async () => {
  expect((await renewed(runConfig({ port: 8080 }), runConfig({ port: 8081 }))).way).toBe('beside');
  const model = (path: string) => ({ path, format: undefined, exclusive: true });
  const [before, after] = [runConfig({ model: model('/a') }), runConfig({ model: model('/b') })];
  expect((await renewed(before, after)).way).toBe('beside');
});

test('a model that is larger than the memory that is free starts in place; unknown sizes do not matter', async () => {
  await using folder = await testFolder();
  const path = await folder.write('model.gguf', new Uint8Array(3 * 1024 * 1024));
  const config = runConfig({ model: { path, format: undefined, exclusive: false } });
  expect(await renewed(config, config, async () => 2 * 1024 * 1024)).toMatchObject({
    way: 'in_place',
    why: 'its model takes 3 MiB, and 2 MiB of memory are free',
  });
  expect((await renewalOf(config, config, async () => null)).way).toBe('beside');
});

test('what is somebody else’s is left alone, unless it is to be another', async () => {
  const config = urlConfig();
  expect((await renewed(config)).way).toBe('kept');
  expect((await renewed(config, urlConfig({ url: 'http://127.0.0.1:2' }))).way).toBe('beside');
});
