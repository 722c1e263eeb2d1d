// `greenroom records` and `greenroom export`, against a real gateway.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { answered, quietCaller, up } from '../support/recorded.ts';

test('records shows and searches, export writes: by data directory, as lines and as JSON', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  await answered(caller, 'where is the library?');
  const cwd = folder.path;
  const run = (...args: readonly string[]) => command([...args, '--data', 'data'], { cwd });

  const all = await run('records');
  expect(all).toMatchObject({ code: 0, stderr: '' });
  expect(all.stdout).toMatch(
    new RegExp(`^${session}  \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ  ready  .*  2 items  default\n$`),
  );
  const found = await run('records', 'librar', 'the');
  expect(found.stdout.split('\n').slice(1, 3)).toEqual([
    '    Caller: where is the library?',
    '    Assistant: where is the library?',
  ]);
  const json = await run('records', '--json', '--state', 'open');
  expect(json.events()).toMatchObject([{ event: 'session', id: session, state: 'ready', items: 2 }]);
  const nothing = await run('records', 'nobody', 'said', 'this');
  expect(nothing).toMatchObject({ code: 0, stdout: '', stderr: 'nothing was found\n' });
  const wrong = await run('records', '--state', 'some');
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('one of open, ended, all') });
  expect(await run('records', '--limit', '0')).toMatchObject({ code: 2 });

  const text = await run('export', session);
  expect(text.stdout).toMatch(/\] Caller: where is the library\?\n\[[^\n]*\] Assistant: /);
  const file = await run('export', session, '--format', 'vtt', '--out', 'call.vtt', '--json');
  const written = await readFile(join(cwd, 'call.vtt'), 'utf8');
  expect(written.startsWith('WEBVTT\n')).toBe(true);
  expect(file.events()).toEqual([
    {
      ...{ event: 'exported', session, format: 'vtt', file: join(cwd, 'call.vtt') },
      bytes: Buffer.byteLength(written),
    },
  ]);
  expect(((await stat(join(cwd, 'call.vtt'))).mode & 0o777).toString(8)).toBe('600');
  const missing = await run('export', 'sess_0', '--out', 'none.txt');
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('no session "sess_0" is open') });
  expect((await readdir(cwd)).sort()).toEqual(['call.vtt', 'data']);
  expect(await command(['records', '--data', 'elsewhere'], { cwd })).toMatchObject({
    ...{ code: 69, stderr: expect.stringContaining('no gateway runs in') },
  });
});

test('they need an administrator’s token where there are tokens, and say so', async () => {
  await using folder = await testFolder();
  const auth = { tokens: ['env:CALLER'], admin: ['env:ADMIN'] };
  const env = { CALLER: 'a-token-of-callers', ADMIN: 'a-token-of-administrators' };
  await using gateway = await up(folder, { config: { auth, store: 'none' }, env });
  await gateway.event('listening');
  const run = (args: readonly string[], given: Record<string, string> = {}) =>
    command([...args, '--data', 'data'], { cwd: folder.path, env: given });
  for (const refused of [
    await run(['records']),
    await run(['records'], { GREENROOM_TOKEN: env.CALLER }),
    await run(['export', 'sess_0']),
  ])
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('GREENROOM_ADMIN_TOKEN') });
  expect(await run(['records'], { GREENROOM_ADMIN_TOKEN: env.ADMIN })).toMatchObject({
    ...{ code: 0, stderr: 'no session is known\n' },
  });
  expect(await run(['records', 'word', '--token', env.ADMIN])).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining('store: none') },
  });
});
