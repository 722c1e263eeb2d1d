import { chmod } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { findPlayer, findRecorder } from '../../../../src/cli/talk/programs.ts';
import { SoundChild } from '../../../../src/cli/talk/sound-child.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { testFolder } from '../../../support/folder.ts';
import { until } from '../../../support/poll.ts';
import { alive, familyOf } from '../../../support/processes.ts';

/** A PATH on which these are, and nothing else. */
async function machine(...names: readonly string[]) {
  const folder = await testFolder();
  for (const name of names) await chmod(await folder.write(name, '#!/bin/sh\n'), 0o755);
  // Not a program: it may not be executed.
  await folder.write('arecord.txt', '');
  return {
    env: { PATH: `/nowhere::${folder.path}` },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

describe('what a machine has', () => {
  test.each([
    [['ffmpeg', 'rec', 'arecord'], 'arecord'],
    [['ffmpeg', 'rec'], 'sox'],
    [['ffmpeg'], 'ffmpeg'],
  ])('of %j it records with %s', async (names, chosen) => {
    await using has = await machine(...names);
    expect((await findRecorder(undefined, has.env)).name).toBe(chosen);
  });

  test.each([
    [['ffplay', 'play', 'aplay'], 'aplay'],
    [['ffplay', 'play'], 'sox'],
    [['ffplay'], 'ffplay'],
    [[], undefined],
  ])('of %j it plays with %s', async (names, chosen) => {
    await using has = await machine(...names);
    expect((await findPlayer(has.env))?.name).toBe(chosen);
  });

  test('a device is handed on as each program wants it; more than one word is a command of its own', async () => {
    await using alsa = await machine('arecord');
    expect((await findRecorder('plughw:1', alsa.env)).command.slice(-2)).toEqual(['-D', 'plughw:1']);
    await using sox = await machine('rec');
    expect((await findRecorder('plughw:1', sox.env)).env).toEqual({ AUDIODEV: 'plughw:1' });
    expect(await findRecorder('parec --raw | cat', {})).toEqual({
      ...{ name: 'parec', env: {}, command: ['sh', '-c', 'parec --raw | cat'] },
    });
  });
});

const child = (...command: [string, ...string[]]) =>
  new SoundChild({ name: 'it', command, env: {} }, { does: 'records', env: process.env, clock: systemClock });

describe('a program in our care', () => {
  test('that cannot be started is told, and ending it is no fault', async () => {
    const none = child('/nowhere/at/all');
    expect(await none.ended).toEqual({
      ...{ state: 'failed', words: 'it could not be started: spawn /nowhere/at/all ENOENT' },
    });
    await none.end();
  });

  test('that ends by itself is told with its last words', async () => {
    expect(await child('sh', '-c', 'echo one >&2; echo two >&2; exit 3').ended).toEqual({
      ...{ state: 'failed', words: 'it exited with code 3: one | two' },
    });
    expect(await child('true').ended).toEqual({ state: 'finished', words: 'it exited with code 0' });
  });

  test('is ended with whoever it has started, and that is no failure', async () => {
    const family = child('sh', '-c', 'sleep 60 & wait');
    const inner = await until(async () => (await familyOf(family.pid ?? 0))[0], {
      timeoutMs: 5000,
      what: 'the one it starts',
    });
    const [first, second] = [family.end(), family.end('now')];
    expect(await first).toMatchObject({ state: 'asked' });
    expect(await second).toBe(await first);
    await until(() => !alive(inner), { timeoutMs: 1000, what: 'the one it started to be gone' });
  });
});
