// A caller at a terminal sees what is heard of them: while they speak, and as it is written down in the end.
import { expect, test } from 'vitest';
import { testFolder } from '../support/folder.ts';
import { bin } from '../support/gateway-process.ts';
import { SoundMachine } from '../support/sound.ts';
import { Terminal } from '../support/terminal.ts';
import { answer, greet, ready } from '../unit/cli/fake-echo.ts';
import { type FakeCall, fakeGateway } from '../unit/client/fake-gateway.ts';

const itemId = 'item_said';
const address = { item_id: itemId, content_index: 0 };
const transcription = 'conversation.item.input_audio_transcription';

test('the transcript stands in the status line while it grows, then in a line of its own, before the answer', async () => {
  let call: FakeCall | undefined;
  await using gateway = await fakeGateway({
    onCall(came) {
      call = came;
      greet(came);
      came.send(ready);
    },
  });
  await using folder = await testFolder();
  const sound = await SoundMachine.in(folder);
  const talk = [
    '/bin/sh',
    '-c',
    `"${process.execPath}" "${bin}" talk --url ${gateway.url}; echo "exit code $?"`,
  ];
  await using terminal = await Terminal.run(talk, sound.env);
  await terminal.shows('● listening');
  const says = (event: object) => call?.send(event as { readonly type: string });
  says({ type: 'input_audio_buffer.speech_started', audio_start_ms: 0, item_id: itemId });
  says({ type: 'greenroom.notice', code: 'hearing', item_id: itemId, message: 'Wot time' });
  await terminal.shows('“Wot time”');
  says({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: 1500, item_id: itemId });
  // Deltas say it from the beginning: what was guessed before them is forgotten.
  says({ type: `${transcription}.delta`, ...address, delta: 'What time' });
  says({ type: `${transcription}.delta`, ...address, delta: ' is it?' });
  await terminal.shows('“What time is it?”');
  says({ type: `${transcription}.completed`, ...address, transcript: 'What time is it?', usage: null });
  await terminal.shows('you     “What time is it?”');
  if (call) answer(call, 'resp_1', 'It is ten.', 4800);
  await terminal.shows('answer  It is ten.');
  terminal.pty.write('\u0003');
  await terminal.exited;
  const [you, answered] = [
    terminal.text.indexOf('you     “What'),
    terminal.text.indexOf('answer  It is ten.'),
  ];
  expect(you).toBeGreaterThan(0);
  expect(you).toBeLessThan(answered);
  expect(await sound.left()).toEqual([]);
});
