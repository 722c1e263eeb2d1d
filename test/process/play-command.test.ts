// `greenroom play`: what is heard and answered in a recording, said again, on the terminal of who asks for it.
import { expect, test } from 'vitest';
import { lettersToAudio, startLettered } from '../support/cascade-process.ts';
import { command } from '../support/command.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { quietCaller, take } from '../support/recorded.ts';

async function recordedLine(gateway: GatewayProcess): Promise<string> {
  const { caller } = await quietCaller(gateway);
  await using _ = caller;
  caller.send({ type: 'input_audio_buffer.append', audio: lettersToAudio('good day') });
  caller.send({ type: 'input_audio_buffer.commit' });
  caller.send({ type: 'response.create' });
  await caller.event('response.done');
  caller.socket.close();
  return (await take(gateway, ({ state }) => state === 'finished')).id;
}

test('a recording is played in a call of its own, with what is heard and answered; or into one that is there', async () => {
  await using gateway = await startLettered({ sessions: { record: true } });
  await gateway.event('ready');
  const id = await recordedLine(gateway);
  const cwd = gateway.folder.path;
  const alone = await command(['play', id, '--mode', 'segments', '--speed', '0', '--json'], { cwd });
  expect(alone.code, alone.stderr).toBe(0);
  const told = alone.events();
  expect(told.find(({ event }) => event === 'transcript')).toMatchObject({ text: 'good day' });
  expect(told.find(({ event }) => event === 'answer')).toMatchObject({ transcript: 'You said: good day.' });
  expect(told.filter(({ event }) => event === 'playback').at(-1)).toMatchObject({ state: 'finished' });

  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  const into = await command(['play', id, '--session', session, '--speed', '0'], { cwd });
  expect(into.code, into.stderr).toBe(0);
  expect(into.stderr).toContain('finished at');
  await caller.event('response.done');

  const shown = await command(['play', id, '--mode', 'events', '--speed', '0'], { cwd });
  expect(shown.code, shown.stderr).toBe(0);
  expect(shown.stderr).toContain('ms: input_audio_buffer.committed');
});

test('what the gateway refuses, and what is misspelt, is told with its exit code', async () => {
  await using gateway = await startLettered({ sessions: { record: true } });
  await gateway.event('ready');
  const cwd = gateway.folder.path;
  for (const [args, code, why] of [
    [['play', 'sess_0/1'], 1, 'no recording sess_0/1'],
    [['play', 'nonsense'], 2, 'is no name of a recording'],
    [['play', 'sess_0/1', '--speed', 'fast'], 2, '--speed'],
    [['play', 'sess_0/1', '--session', 'sess_1', '--model', 'default'], 2, '--model'],
    [['play', 'sess_0/1', '--session', 'sess_1', '--speed', '9'], 1, 'speed'],
  ] as const) {
    const ended = await command(args, { cwd });
    expect(ended.stderr).toContain(why);
    expect(ended.code, args.join(' ')).toBe(code);
  }
});
