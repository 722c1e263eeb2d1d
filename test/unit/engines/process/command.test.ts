import { chmod } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../../src/config/secrets.ts';
import { commandLine, engineEnvironment, whySpawnFailed } from '../../../../src/engines/process/command.ts';
import { testFolder } from '../../../support/folder.ts';

const facts = { port: 21_000, host: '127.0.0.1', socketPath: null, marker: 'the-marker-of-it' };

describe('the command of an engine', () => {
  test('has port and host filled in wherever they stand, and nothing else', () => {
    const run = ['engine', '--bind', `\${host}:\${port}`, `\${port}\${port}`, `\${HOME}`, '$port', `\${}`];
    expect(commandLine(run, facts)).toEqual([
      'engine',
      '--bind',
      '127.0.0.1:21000',
      '2100021000',
      `\${HOME}`,
      '$port',
      `\${}`,
    ]);
  });

  test('has all there is filled in, and what is not there stays as it is', () => {
    const run = ['${address} ${socket} ${model} ${instance} ${constructor}'];
    expect(commandLine(run, { ...facts, host: '::1', model: '/m.gguf' })).toEqual([
      '[::1]:21000 ${socket} /m.gguf the-mark ${constructor}',
    ]);
    expect(commandLine(run, { ...facts, port: null, socketPath: '/x.sock' })).toEqual([
      '${address} /x.sock ${model} the-mark ${constructor}',
    ]);
  });

  test('has variables filled in, but not within secrets', () => {
    const own = { AT: '${address}', KEY: new Secret('${port}', 'env:KEY') };
    expect(engineEnvironment(own, facts, { A: '1' })).toEqual({
      ...{ A: '1', PORT: '21000', HOST: '127.0.0.1', AT: '127.0.0.1:21000', KEY: '${port}' },
      GREENROOM_INSTANCE: 'the-marker-of-it',
    });
    expect(engineEnvironment({}, { ...facts, port: null, socketPath: '/x.sock' }, {})).toEqual({
      ...{ SOCKET: '/x.sock', GREENROOM_INSTANCE: 'the-marker-of-it' },
    });
  });

  test('gets port, host and marker in its environment; its own variables win, but for the marker', () => {
    const env = engineEnvironment({ PORT: '1', MODEL: 'tiny' }, facts);
    expect(env).toMatchObject({
      PORT: '1',
      HOST: '127.0.0.1',
      MODEL: 'tiny',
      GREENROOM_INSTANCE: 'the-marker-of-it',
    });
    expect(env['PATH']).toBe(process.env['PATH']);
    expect(engineEnvironment({ GREENROOM_INSTANCE: 'mine' }, facts)['GREENROOM_INSTANCE']).toBe(
      'the-marker-of-it',
    );
  });
});

describe('a spawn that failed', () => {
  const error = (code: string) => Object.assign(new Error(`spawn x ${code}`), { code });

  test('for want of its folder names the folder', async () => {
    const why = await whySpawnFailed(error('ENOENT'), { program: 'node', cwd: '/no/such/folder' });
    expect(why).toBe('its `cwd` /no/such/folder is not a folder');
  });

  test('for want of the program says where it was looked for', async () => {
    await using folder = await testFolder();
    const cwd = folder.path;
    expect(await whySpawnFailed(error('ENOENT'), { program: 'llama', cwd })).toBe('not found in PATH');
    expect(await whySpawnFailed(error('ENOENT'), { program: './llama', cwd })).toBe(
      `${cwd}/llama does not exist`,
    );
  });

  test('for want of its interpreter says so', async () => {
    await using folder = await testFolder();
    const path = await folder.write('engine.py', '#!/no/such/python\n');
    await chmod(path, 0o755);
    expect(await whySpawnFailed(error('ENOENT'), { program: './engine.py', cwd: folder.path })).toBe(
      `${path} is there, but not the interpreter that its first line names`,
    );
  });

  test('for want of permission says what to do', async () => {
    await using folder = await testFolder();
    const path = await folder.write('engine.sh', '#!/bin/sh\n');
    expect(await whySpawnFailed(error('EACCES'), { program: path, cwd: folder.path })).toBe(
      `${path} may not be executed; \`chmod +x\` it`,
    );
  });

  test("for anything else says it in the system's words", async () => {
    await using folder = await testFolder();
    const command = { program: './x', cwd: folder.path };
    expect(await whySpawnFailed(error('EAGAIN'), command)).toBe('spawn x EAGAIN');
  });
});
