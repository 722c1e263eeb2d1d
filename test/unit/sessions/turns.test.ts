// What is kept of each answer's times: by stage, and how it ended.
import { expect, test } from 'vitest';
import { CascadeWorld, type Scripts } from '../../support/cascade-world.ts';
import { sound, stop, word } from '../../support/scripted-engine.ts';

async function world(scripts: Scripts = {}) {
  const it = new CascadeWorld(scripts);
  const caller = await it.call();
  const [session] = await it.store.listSessions();
  return { it, caller, turns: () => it.store.sessionTurns(session?.id ?? '') };
}

test('a spoken turn has every stage, with the item that it answers', async () => {
  const { it, caller, turns } = await world();
  await caller.speaks();
  await it.advance(1000);
  const [{ item } = { item: undefined }] = caller.transport.all('conversation.item.added') as {
    item?: { id: string };
  }[];
  expect(await turns()).toEqual([
    {
      ...{
        sessionId: expect.stringMatching(/^sess_/),
        id: expect.stringMatching(/^resp_/),
        itemId: item?.id,
      },
      ...{ state: 'done', beganAtMs: expect.any(Number), silenceMs: expect.closeTo(790, -1), hearMs: 20 },
      ...{ thinkMs: 30, sentenceMs: 0, speakMs: 10, firstAudioMs: expect.closeTo(850, -1), answerMs: 70 },
    },
  ]);
  await it.end(caller);
});

test('who interrupts has stopped the answer, whose later stages are not there', async () => {
  const { it, caller, turns } = await world({ think: [[30, word('One and'), 60_000, word(' two.'), stop]] });
  await caller.speaks();
  await it.advance(500);
  await caller.sounds(600, 1000);
  await it.advance(100);
  expect(await turns()).toMatchObject([
    { state: 'stopped', thinkMs: 30, sentenceMs: null, answerMs: expect.any(Number) },
  ]);
  await it.end(caller);
});

test('one that fails, and one that the end of the session cuts off, are kept as that', async () => {
  const failing = await world({ think: [[30, new Error('no')]] });
  await failing.caller.speaks();
  await failing.it.advance(1000);
  expect(await failing.turns()).toMatchObject([
    { state: 'failed', hearMs: 20, thinkMs: null, firstAudioMs: null },
  ]);
  await failing.it.end(failing.caller);
  const cut = await world({ speak: [[10, sound(500), 60_000, sound(500)]] });
  await cut.caller.speaks();
  await cut.it.advance(1000);
  await cut.it.end(cut.caller);
  expect(await cut.turns()).toMatchObject([{ state: 'stopped', speakMs: 10 }]);
});

test('what is typed was never spoken: it has no silence, no hearing, and no wait for audio', async () => {
  const { it, caller, turns } = await world();
  caller.transport.says({
    type: 'conversation.item.create',
    item: { id: 'mine', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
  });
  caller.transport.says({ type: 'response.create' });
  await it.advance(1000);
  const none = { silenceMs: null, hearMs: null, firstAudioMs: null };
  expect(await turns()).toMatchObject([{ itemId: 'mine', state: 'done', ...none, thinkMs: 30, speakMs: 10 }]);
  await it.end(caller);
});
