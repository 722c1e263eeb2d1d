// How a cascade's answer is spoken: one sentence ahead, without the marks of writing, in the voice that the session has,
// with something said while a slow engine thinks; and what of it counts as heard.
import { describe, expect, test } from 'vitest';
import type { ChatCall, SpeakCall } from '../../../src/engines/instance.ts';
import { CascadeWorld } from '../../support/cascade-world.ts';
import { heard, sound, stop, word } from '../../support/scripted-engine.ts';

const spokenBy = (world: CascadeWorld) => world.speak.asked.map(({ call }) => (call as SpeakCall).text);
const asked = (world: CascadeWorld) => world.think.asked.map(({ call }) => (call as ChatCall).messages);
const three = [word('One is here. '), word('Two is here. '), word('Three is here.'), stop];

describe('one sentence ahead', () => {
  test('the next one is made while the one before waits for its caller, and no further one', async () => {
    // More than there is room for, to a caller who takes none of it.
    const long = Array.from({ length: 120 }, () => sound(1000));
    const world = new CascadeWorld({ think: [three], speak: [[10, ...long], [sound(500)]] });
    const caller = await world.call();
    caller.transport.peer = 'stalled';
    await caller.speaks();
    await world.advance(2000);
    expect(spokenBy(world)).toEqual(['One is here.', 'Two is here.']);
    caller.transport.peer = 'reads';
    caller.transport.takes();
    await world.advance(2000);
    expect(caller.answers()[0]).toMatchObject({ status: 'completed', ms: 121_000 });
    await world.end(caller);
  });

  test('the engine has one at a time', async () => {
    const world = new CascadeWorld({ think: [three], speak: [[10, sound(100), 300, sound(100)]] });
    const caller = await world.call();
    await caller.speaks();
    const begin = world.sessions.clock.now();
    await world.advance(2000);
    expect(world.speak.asked.map(({ atMs }) => atMs - begin)).toEqual([20, 330, 640]);
    await world.end(caller);
  });
});

test('what is written for the eye is not said, and the transcript is what was said', async () => {
  const world = new CascadeWorld({
    think: [[word('## Plan 😀\n* **Go** to https://a.b/c_d_e.\n---\nIt is 2 * 3.'), stop]],
  });
  const caller = await world.call();
  await caller.speaks();
  await world.advance(2000);
  expect(spokenBy(world)).toEqual(['Plan', 'Go to https://a.b/c_d_e.', 'It is 2 * 3.']);
  expect(caller.answers()[0]?.said).toEqual(['Plan\nGo to https://a.b/c_d_e.\nIt is 2 * 3.']);
  await world.end(caller);
});

describe('while a slow engine thinks', () => {
  const filler = { afterMs: 2000, texts: ['One moment.', 'Let me see.'] };
  const slow = [3000, word('It is ten.'), stop];

  test('something is said once a turn, by turns, and is no part of what the engine is asked', async () => {
    const world = new CascadeWorld({ think: [slow], speak: [[10, sound(500)]], pipeline: { filler } });
    const caller = await world.call();
    for (const said of ['One moment. It is ten.', 'Let me see. It is ten.']) {
      await caller.speaks();
      await world.advance(5000);
      expect(caller.answers().at(-1)).toEqual({ status: 'completed', why: null, said: [said], ms: 1000 });
    }
    expect(asked(world)[1]).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello.' },
      { role: 'assistant', content: 'It is ten.' },
      { role: 'user', content: 'Hello.' },
    ]);
    await world.end(caller);
  });

  test('what was said so is marked in the record, and who answered is named there', async () => {
    const world = new CascadeWorld({ think: [slow], pipeline: { filler } });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(5000);
    const items = await world.store.sessionItems(caller.transport.sessionId);
    expect(items).toMatchObject([
      { role: 'user', source: null, filler: null },
      { role: 'assistant', text: 'One moment. It is ten.', filler: 'One moment.' },
    ]);
    expect(JSON.parse(items[1]?.source ?? '')).toEqual({
      think: { engine: 'mind', model: null },
      speak: { engine: 'voice', model: null, voice: 'default' },
    });
    await world.end(caller);
  });

  test('nothing is said when it was quick, nor in a text', async () => {
    const world = new CascadeWorld({ think: [[1900, word('Yes.'), stop], slow], pipeline: { filler } });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(5000);
    caller.transport.says({ type: 'session.update', session: { output_modalities: ['text'] } });
    await caller.speaks();
    await world.advance(5000);
    expect(caller.answers().map(({ said }) => said)).toEqual([['Yes.'], ['It is ten.']]);
    await world.end(caller);
  });

  test('a turn that goes on after a function has no second one', async () => {
    const call = { toolCall: { id: 'call_1', name: 'clock', arguments: '{}' } };
    const world = new CascadeWorld({
      think: [[3000, call, { finish: 'tool_calls' }], slow],
      pipeline: { filler },
    });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(5000);
    const output = { type: 'function_call_output', call_id: 'call_1', output: '10:00' };
    caller.transport.says({ type: 'conversation.item.create', item: output });
    caller.transport.says({ type: 'response.create' });
    await world.advance(5000);
    expect(spokenBy(world)).toEqual(['One moment.', 'It is ten.']);
    await world.end(caller);
  });

  test('who speaks over it ends it like all else', async () => {
    const world = new CascadeWorld({
      think: [['hangs'], [word('Yes.'), stop]],
      speak: [[10, sound(100), 'hangs'], [sound(100)]],
      pipeline: { filler },
    });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(2100);
    expect(world.underWay).toEqual([0, 1, 1]);
    await caller.sounds(600, 1000);
    await world.advance(0);
    expect(world.underWay).toEqual([0, 0, 0]);
    await caller.sounds(800, 0);
    await world.advance(1000);
    expect(caller.answers()[1]).toMatchObject({ status: 'completed', said: ['Yes.'] });
    await world.end(caller);
  });
});

describe('what counts as heard', () => {
  const think = [
    [word('Ten is here. Eleven will be late.'), stop],
    [word('Yes.'), stop],
  ];

  test('who speaks over an answer that was sent and is still being played has heard what was played by then', async () => {
    const world = new CascadeWorld({ think, speak: [[sound(1000)]] });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(1500);
    expect(caller.answers()).toMatchObject([
      { status: 'completed', said: ['Ten is here. Eleven will be late.'] },
    ]);
    await caller.speaks();
    await world.advance(3000);
    // Sent 20 ms after the question's end.
    expect(caller.transport.all('conversation.item.truncated')).toMatchObject([{ audio_end_ms: 1480 }]);
    expect(asked(world)[1]?.[2]).toEqual({ role: 'assistant', content: 'Ten is here. Eleven' });
    await world.end(caller);
  });

  test('the caller knows better, also where that is more', async () => {
    const world = new CascadeWorld({ think, speak: [[sound(1000)]] });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(1500);
    await caller.sounds(600, 1000);
    const [cut] = caller.transport.all('conversation.item.truncated');
    for (const ms of [1800, 1900, 500])
      caller.transport.says({
        ...{
          type: 'conversation.item.truncate',
          item_id: cut?.['item_id'],
          content_index: 0,
          audio_end_ms: ms,
        },
      });
    const told = caller.transport.all('conversation.item.truncated').map((event) => event['audio_end_ms']);
    expect(told).toEqual([1480, 1800, 1800, 500]);
    await world.end(caller);
  });

  test('who listened to the end, and who is not to be interrupted, have heard it all', async () => {
    const world = new CascadeWorld({ think: [[word('Ten is here.'), stop]], speak: [[sound(1000)]] });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(1100);
    await caller.speaks();
    const turnDetection = { type: 'server_vad', interrupt_response: false };
    caller.transport.says({
      type: 'session.update',
      session: { audio: { input: { turn_detection: turnDetection } } },
    });
    await world.advance(500);
    await caller.speaks();
    await world.advance(2000);
    expect(caller.transport.all('conversation.item.truncated')).toEqual([]);
    await world.end(caller);
  });
});

describe('a session has', () => {
  test('the voice and the speed that it asks for, where there are such, from the next answer on', async () => {
    const pipeline = { voice: 'ann', voices: ['ann', 'bob'], pace: 'any' } as const;
    const world = new CascadeWorld({ think: [three], speak: [[200, sound(100)]], pipeline });
    const caller = await world.call();
    const ask = (output: object) => {
      caller.transport.says({ type: 'session.update', session: { audio: { output } } });
      const { session } = caller.transport.all('session.updated').at(-1) as unknown as {
        session: { audio: { output: object } };
      };
      return session.audio.output;
    };
    await caller.speaks();
    await world.advance(100);
    expect(ask({ voice: 'bob', speed: 1.25 })).toMatchObject({ voice: 'bob', speed: 1.25 });
    expect(ask({ voice: 'alloy' })).toMatchObject({ voice: 'bob' });
    expect(caller.transport.all('error')).toEqual([]);
    expect(ask({ voice: 'eve' })).toMatchObject({ voice: 'bob', speed: 1.25 });
    expect(caller.transport.all('error')).toMatchObject([
      {
        error: {
          code: 'invalid_value',
          param: 'session.audio.output.voice',
          message: expect.stringContaining("no voice 'eve' here; there are: ann, bob. It stays 'bob'"),
        },
      },
    ]);
    await world.advance(3000);
    await caller.speaks();
    await world.advance(3000);
    const spoken = world.speak.asked.map(({ call }) => call as SpeakCall);
    expect(spoken.map(({ voice, speed }) => [voice, speed])).toEqual([
      ...Array.from({ length: 3 }, () => ['ann', undefined]),
      ...Array.from({ length: 3 }, () => ['bob', 1.25]),
    ]);
    caller.transport.says({ type: 'response.create', response: { audio: { output: { voice: 'ann' } } } });
    await world.advance(3000);
    expect(world.speak.asked.at(-1)?.call).toMatchObject({ voice: 'ann' });
    await world.end(caller);
  });

  test('whichever voice it asks for, where nobody knows which there are', async () => {
    const world = new CascadeWorld({ think: [[word('Yes.'), stop]], pipeline: { voices: 'any' } });
    const caller = await world.call();
    caller.transport.says({ type: 'session.update', session: { audio: { output: { voice: 'af_sky' } } } });
    await caller.speaks();
    await world.advance(3000);
    expect(world.speak.asked.at(-1)?.call).toMatchObject({ voice: 'af_sky' });
    expect(caller.transport.all('error')).toEqual([]);
    await world.end(caller);
  });

  test('its own voice where none is to be had', async () => {
    const world = new CascadeWorld();
    const caller = await world.call();
    caller.transport.says({
      type: 'session.update',
      session: { audio: { output: { voice: 'bob', speed: 1.5 } } },
    });
    expect(caller.transport.all('session.updated')).toMatchObject([
      { session: { audio: { output: { voice: 'default', speed: 1 } } } },
    ]);
    await caller.speaks();
    await world.advance(1000);
    expect(world.speak.asked[0]?.call).toEqual({ text: 'Good day.', voice: null });
    await world.end(caller);
  });

  test('new instructions from the next answer on', async () => {
    const world = new CascadeWorld({ hear: [[20, heard('Hello.')]], think: [[500, word('Yes.'), stop]] });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(100);
    caller.transport.says({ type: 'session.update', session: { instructions: 'Be French.' } });
    await world.advance(1000);
    await caller.speaks();
    await world.advance(1000);
    expect(asked(world).map(([first]) => first)).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'system', content: 'Be French.' },
    ]);
    await world.end(caller);
  });
});

test('who asked for notices is told who answers, and who still speaks is not', async () => {
  const world = new CascadeWorld();
  const [caller, strict] = [await world.call(true), await world.call()];
  for (const one of [caller, strict]) await one.speaks();
  await world.advance(2000);
  expect(caller.transport.all('greenroom.notice')).toMatchObject([
    {
      code: 'answer_source',
      response_id: expect.stringMatching(/^resp_/),
      think: { engine: 'mind', model: null },
      speak: { engine: 'voice', model: null, voice: 'default' },
      message: 'answered by engine mind, spoken by engine voice',
    },
  ]);
  expect(strict.types().filter((type) => type.startsWith('greenroom'))).toEqual([]);
  await world.end(caller, strict);
});
