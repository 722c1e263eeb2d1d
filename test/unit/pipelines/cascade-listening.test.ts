// Who hears words and takes audio as it comes has it from the beginning of the speech: at its end only the tail is left.
// A place at the engine is only borrowed for that, and whatever goes wrong with it is nobody's loss.
import { describe, expect, test } from 'vitest';
import type { TranscriptPart } from '../../../src/engines/contract.ts';
import { CascadeWorld, type Scripts } from '../../support/cascade-world.ts';
import { heard, type Step, stop, word } from '../../support/scripted-engine.ts';

const partial = (text: string): TranscriptPart => ({ text, final: false });
const deltas = 'conversation.item.input_audio_transcription.delta';

function worldOf(scripts: Scripts, lanes: number | null = 1): CascadeWorld {
  const world = new CascadeWorld({ think: [[word('Yes.'), stop]], ...scripts });
  world.hear.lanes = lanes;
  return world;
}

const early: readonly Step[] = [{ listensMs: 400 }, partial('What'), 'listens', 20, heard('What time?')];

test('is asked while somebody speaks, and told what is left at the end; what was known is told when the item is there', async () => {
  const world = worldOf({ hear: [early] });
  const caller = await world.call(true);
  await caller.sounds(600, 1000);
  await world.advance(0);
  expect(world.hear.asked).toMatchObject([{ end: 'running', heardMs: expect.toSatisfy((ms) => ms > 500) }]);
  const partials = caller.transport.all('greenroom.notice').map(({ code, message }) => ({ code, message }));
  expect(partials).toEqual([{ code: 'hearing', message: 'What' }]);
  expect(caller.transport.all(deltas)).toEqual([]);
  await caller.sounds(800, 0);
  await world.advance(1000);
  expect(world.hear.asked).toHaveLength(1);
  // All of the turn: 600 ms, and the silence that ended it, though more had come by then.
  expect(world.hear.asked[0]?.heardMs).toBeCloseTo(1100, -2);
  expect(caller.transport.all(deltas).map(({ delta }) => delta)).toEqual(['What', ' time?']);
  expect(caller.transcripts()).toEqual(['What time?']);
  expect(caller.answers()).toMatchObject([{ status: 'completed', said: ['Yes.'] }]);
  const order = caller
    .types()
    .filter((type) => /committed|item\.added|transcription|response\.created/.test(type));
  expect(order.slice(0, 6)).toEqual([
    'input_audio_buffer.committed',
    'conversation.item.added',
    deltas,
    deltas,
    'conversation.item.input_audio_transcription.completed',
    'response.created',
  ]);
  expect(world.logged).toMatchObject([{ hearMs: 20 }, { hearMs: 20, silenceMs: expect.any(Number) }]);
  await world.end(caller);
});

test('one that takes no audio as it comes is asked at the end', async () => {
  const world = worldOf({}, null);
  const caller = await world.call();
  await caller.sounds(600, 1000);
  await world.advance(100);
  expect(world.hear.asked).toEqual([]);
  await caller.sounds(800, 0);
  await world.advance(1000);
  expect(caller.transcripts()).toEqual(['Hello.']);
  await world.end(caller);
});

const endings: readonly (readonly [string, readonly Step[]])[] = [
  ['ends before the speech does', [heard('Wrong.')]],
  ['fails', [partial('Wr'), new Error('it broke')]],
  ['dies', ['dies']],
];

test.each(endings)(
  'one that %s while somebody speaks is asked again for all of it, and nobody is told',
  async (_what, script) => {
    const world = worldOf({ hear: [script, ['listens', heard('Right.')]] });
    const caller = await world.call();
    await caller.sounds(600, 1000);
    await world.advance(2000);
    await caller.sounds(800, 0);
    await world.advance(1000);
    expect(caller.transcripts()).toEqual(['Right.']);
    expect(caller.types().filter((type) => type.endsWith('transcription.failed'))).toEqual([]);
    expect(caller.answers()).toMatchObject([{ status: 'completed' }]);
    await world.end(caller);
  },
);

test('one that fails after the end fails the transcript, once', async () => {
  const world = worldOf({ hear: [['listens', 20, new Error('it broke')]] });
  const caller = await world.call();
  await caller.speaks();
  await world.advance(1000);
  expect(caller.transport.all('conversation.item.input_audio_transcription.failed')).toHaveLength(1);
  expect(caller.answers()).toMatchObject([{ status: 'failed', why: 'internal_error' }]);
  await world.end(caller);
});

test.each([
  ['clears the buffer', { type: 'input_audio_buffer.clear' }],
  [
    'detects turns by hand from now on',
    { type: 'session.update', session: { audio: { input: { turn_detection: null } } } },
  ],
])('who %s is not listened to any more', async (_what, event) => {
  const world = worldOf({ hear: [early] });
  const caller = await world.call();
  await caller.sounds(600, 1000);
  await world.advance(0);
  expect(world.underWay).toEqual([1, 0, 0]);
  caller.transport.says(event);
  await world.advance(0);
  expect(world.underWay).toEqual([0, 0, 0]);
  expect(world.hear.asked).toMatchObject([{ end: 'aborted' }]);
  expect(caller.transcripts()).toEqual([]);
  await world.end(caller);
});

test('who commits by hand has only the tail to wait for as well', async () => {
  const world = worldOf({ hear: [early] });
  const caller = await world.call();
  await caller.sounds(600, 1000);
  caller.transport.says({ type: 'input_audio_buffer.commit' });
  await world.advance(100);
  expect(world.hear.asked).toHaveLength(1);
  expect(caller.transcripts()).toEqual(['What time?']);
  await world.end(caller);
});

test('who hangs up leaves nothing', async () => {
  const world = worldOf({ hear: [early] });
  const caller = await world.call();
  await caller.sounds(600, 1000);
  await world.advance(0);
  await world.end(caller);
});

test('who sends faster than they speak is heard turn by turn all the same', async () => {
  const world = worldOf({
    hear: [
      ['listens', heard('One.')],
      ['listens', heard('Two.')],
    ],
  });
  world.activity.vadMs = 50;
  const caller = await world.call();
  const turn = Array.from({ length: 14 }, (_, at) => (at < 6 ? 1000 : 0));
  const all = [...turn, ...turn].flatMap((value) => Array.from({ length: 2400 }, () => value));
  const audio = Buffer.from(Int16Array.from(all).buffer).toString('base64');
  caller.transport.says({ type: 'input_audio_buffer.append', audio });
  for (let step = 0; step < 20; step += 1) await world.advance(100);
  expect(caller.transcripts()).toEqual(['One.', 'Two.']);
  // What was before the second belongs to it as well.
  expect(world.hear.asked.map(({ heardMs }) => Math.round(heardMs / 100))).toEqual([11, 14]);
  await world.end(caller);
});

describe('where there is one place', () => {
  test('who has spoken to the end has it: who speaks on gives it up, and is written down at the end', async () => {
    const world = worldOf({ hear: [early, [20, heard('Second.')], ['listens', heard('First.')]] });
    const [first, second] = [await world.call(), await world.call()];
    await first.sounds(600, 1000);
    await world.advance(0);
    await second.speaks();
    await world.advance(1000);
    expect(second.transcripts()).toEqual(['Second.']);
    expect(world.hear.asked.map(({ end }) => end)).toEqual(['aborted', 'done']);
    await first.sounds(800, 0);
    await world.advance(1000);
    expect(first.transcripts()).toEqual(['First.']);
    await world.end(first, second);
  });
});

test('who speaks for long is waited for; the engine is not once the speech is over', async () => {
  const world = worldOf({ hear: [['listens', 'hangs'], [heard('Again.')]] });
  const caller = await world.call();
  await caller.sounds(600, 1000);
  await world.advance(100_000);
  expect(world.underWay).toEqual([1, 0, 0]);
  await caller.sounds(800, 0);
  await world.advance(59_000);
  expect(caller.answers()).toEqual([]);
  await world.advance(1100);
  expect(caller.answers()).toMatchObject([{ status: 'failed', why: 'engine_stalled' }]);
  await world.end(caller);
});
