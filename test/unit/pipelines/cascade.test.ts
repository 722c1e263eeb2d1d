// A cascade of engines that do as they are told, in virtual time: who is asked when, and that whatever ends a turn ends
// all that is under way for it, and nothing else.
import { describe, expect, test } from 'vitest';
import type { ChatCall, SpeakCall } from '../../../src/engines/instance.ts';
import { CascadeWorld, type Scripts } from '../../support/cascade-world.ts';
import { heard, type Step, sound, stop, word } from '../../support/scripted-engine.ts';

const spokenBy = (world: CascadeWorld) => world.speak.asked.map(({ call }) => (call as SpeakCall).text);
const messages = (world: CascadeWorld) => (world.think.asked[0]?.call as ChatCall | undefined)?.messages;
const whole = { status: 'completed', why: null, said: ['Good day. How are you?'], ms: 1000 };

describe('a turn', () => {
  test('is heard, thought about and answered aloud, sentence by sentence', async () => {
    const world = new CascadeWorld();
    const caller = await world.call();
    await caller.speaks();
    await world.advance(1000);
    expect(caller.transcripts()).toEqual(['Hello.']);
    expect(caller.answers()).toEqual([whole]);
    expect(spokenBy(world)).toEqual(['Good day.', 'How are you?']);
    const order = caller
      .types()
      .filter((type) => /transcri|audio\.delta|response\.(?:created|done)/.test(type));
    expect(order.filter((type, at) => type !== order[at - 1])).toEqual([
      'conversation.item.input_audio_transcription.delta',
      'conversation.item.input_audio_transcription.completed',
      'response.created',
      ...['response.output_audio_transcript.delta', 'response.output_audio.delta'],
      ...['response.output_audio_transcript.delta', 'response.output_audio.delta'],
      ...['response.output_audio_transcript.done', 'response.done'],
    ]);
    expect(messages(world)).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello.' },
    ]);
    await world.end(caller);
  });

  test('is spoken while the next sentence is thought; how long each stage took is in the log', async () => {
    const thoughts = [30, word('One is here. '), 400, word('Two is here. '), 400, word('Three.'), stop];
    const world = new CascadeWorld({ think: [thoughts] });
    const caller = await world.call();
    await caller.speaks();
    const begin = world.sessions.clock.now();
    await world.advance(2000);
    expect(world.speak.asked.map(({ atMs }) => atMs - begin)).toEqual([50, 450, 850]);
    expect(world.logged).toMatchObject([
      { audioMs: expect.any(Number), hearMs: 20 },
      { firstTokenMs: 30, firstSentenceMs: 30, firstAudioMs: 40, thoughtMs: 830, endMs: 840 },
    ]);
    await world.end(caller);
  });

  test('says what it took', async () => {
    const world = new CascadeWorld();
    const caller = await world.call();
    await caller.speaks();
    await world.advance(1000);
    expect(caller.transport.all('response.done')[0]).toMatchObject({
      response: { usage: { total_tokens: 10, input_tokens: 7, output_tokens: 3 } },
    });
    await world.end(caller);
  });

  test('that is cut by the limit of the engine is incomplete', async () => {
    const world = new CascadeWorld({ think: [[word('Good'), { finish: 'length' }]] });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(1000);
    expect(caller.answers()).toMatchObject([
      { status: 'incomplete', why: 'max_output_tokens', said: ['Good'] },
    ]);
    await world.end(caller);
  });
});

const hanging: readonly (readonly [string, Scripts, readonly number[], readonly string[]])[] = [
  [
    'thinks and has said nothing',
    { think: [['hangs'], [word('Yes.'), stop]], speak: [[sound(100)]] },
    [0, 1, 0],
    [],
  ],
  [
    'thinks in mid-sentence',
    {
      think: [
        [word('I was go'), 'hangs'],
        [word('Yes.'), stop],
      ],
      speak: [[sound(100)]],
    },
    [0, 1, 0],
    [],
  ],
  [
    'speaks, and thinks on',
    {
      think: [
        [word('I was. '), 'hangs'],
        [word('Yes.'), stop],
      ],
      speak: [[sound(200), 'hangs'], [sound(100)]],
    },
    [0, 1, 1],
    // Of its speech 200 ms were sent, which is not all of it.
    ['I'],
  ],
  [
    'speaks what is thought, silently yet',
    {
      think: [
        [word('I was. '), stop],
        [word('Yes.'), stop],
      ],
      speak: [['hangs'], [sound(100)]],
    },
    [0, 0, 1],
    [],
  ],
];

describe.each(hanging)('an answer that %s', (_stage, scripts, underWay, said) => {
  async function underWayOf() {
    const world = new CascadeWorld(scripts);
    const caller = await world.call();
    await caller.speaks();
    await world.advance(100);
    expect(world.underWay).toEqual(underWay);
    return { world, caller };
  }

  test('is ended by who speaks, at once and with all it has under way; the next is answered by itself', async () => {
    const { world, caller } = await underWayOf();
    await caller.sounds(600, 1000);
    await world.advance(0);
    expect(caller.answers()).toMatchObject([{ status: 'cancelled', why: 'turn_detected', said }]);
    expect(world.underWay).toEqual([0, 0, 0]);
    await caller.sounds(800, 0);
    await world.advance(1000);
    expect(caller.answers()[1]).toMatchObject({ status: 'completed', said: ['Yes.'], ms: 100 });
    await world.end(caller);
  });

  test('is ended by a cancel, at once and with all it has under way', async () => {
    const { world, caller } = await underWayOf();
    caller.transport.says({ type: 'response.cancel' });
    await world.advance(0);
    expect(caller.answers()).toMatchObject([{ status: 'cancelled', why: 'client_cancelled', said }]);
    expect(world.underWay).toEqual([0, 0, 0]);
    await world.end(caller);
  });

  test('is ended by who hangs up, with all it has under way', async () => {
    const { world, caller } = await underWayOf();
    await world.end(caller);
  });

  test('does not hold anybody else', async () => {
    const { world, caller } = await underWayOf();
    const other = await world.call();
    await other.speaks();
    await world.advance(1000);
    expect(other.answers()).toMatchObject([{ status: 'completed', said: ['Yes.'], ms: 100 }]);
    expect(caller.answers()).toEqual([]);
    await world.end(caller, other);
  });
});

test('who speaks on while they are written down is answered once, for all of it', async () => {
  const world = new CascadeWorld({
    hear: [
      [2000, heard('What time')],
      [20, heard('is it?')],
    ],
  });
  const caller = await world.call();
  await caller.speaks();
  await world.advance(100);
  expect(world.underWay).toEqual([1, 0, 0]);
  await caller.speaks();
  await world.advance(5000);
  expect(caller.answers()).toEqual([whole]);
  expect(messages(world)?.at(-1)).toEqual({
    ...{ role: 'user', content: 'What time\nis it?' },
  });
  await world.end(caller);
});

test('two turns at one time: the second is answered after the first, and neither has anything of the other', async () => {
  const think = [
    [word('First. '), stop],
    [word('Second. '), stop],
  ];
  const world = new CascadeWorld({ think, speak: [[sound(100, 1)], [sound(200, 2)]] });
  const caller = await world.call();
  caller.transport.says({
    type: 'session.update',
    session: { audio: { input: { turn_detection: { type: 'server_vad', interrupt_response: false } } } },
  });
  await caller.speaks();
  await world.advance(100);
  await caller.speaks();
  await world.advance(5000);
  expect(caller.answers()).toMatchObject([
    { status: 'completed', said: ['First. '], ms: 100 },
    { status: 'completed', said: ['Second. '], ms: 200 },
  ]);
  await world.end(caller);
});

const broken = new Error('it broke');
const failing: readonly (readonly [string, Scripts, string, readonly string[]])[] = [
  ['who hears fails', { hear: [[broken], [heard('Hello.')]] }, 'internal_error', []],
  ['who hears dies', { hear: [['dies'], [heard('Hello.')]] }, 'engine_exited', []],
  ['who hears gives nothing', { hear: [[], [heard('Hello.')]] }, 'engine_no_output', []],
  ['who thinks fails', { think: [[broken], [word('Yes.')]] }, 'internal_error', []],
  ['who thinks dies', { think: [['dies'], [word('Yes.')]] }, 'engine_exited', []],
  ['who thinks has no word', { think: [[word(' '), stop], [word('Yes.')]] }, 'engine_no_output', []],
  [
    'who thinks dies after a sentence',
    { think: [[word('I was. And'), 100, 'dies'], [word('Yes.')]] },
    'engine_exited',
    ['I was. '],
  ],
  ['who speaks fails', { speak: [[broken], [sound(500)]] }, 'internal_error', []],
  ['who speaks dies', { speak: [[sound(600), 'dies'], [sound(500)]] }, 'engine_exited', ['Good day.']],
  ['who speaks is silent', { speak: [[], [sound(500)]] }, 'engine_call_failed', []],
];

describe.each(failing)('%s', (_who, scripts, code, said) => {
  test('the answer fails with the code, nothing of it goes on, and the next turn is answered', async () => {
    const world = new CascadeWorld(scripts);
    const caller = await world.call();
    await caller.speaks();
    await world.advance(500);
    expect(caller.answers()).toMatchObject([{ status: 'failed', why: code, said }]);
    expect(world.underWay).toEqual([0, 0, 0]);
    // An engine that died is there again after its first pause.
    await world.advance(3000);
    await caller.speaks();
    await world.advance(5000);
    expect(caller.answers()[1]).toMatchObject({ status: 'completed' });
    await world.end(caller);
  });
});

test('a voice that fails ends the thinking too, and an answer that has ended owns nothing any more', async () => {
  const world = new CascadeWorld({
    think: [
      [word('One. '), 'hangs'],
      [word('Yes.'), stop],
    ],
    speak: [[broken], [sound(100)]],
  });
  const caller = await world.call();
  const owned = () => JSON.stringify(world.sessions.root.tree()).match(/stages of [^"]*/g) ?? [];
  await caller.speaks();
  await world.advance(500);
  expect(caller.answers()).toMatchObject([{ status: 'failed', why: 'internal_error' }]);
  expect(world.underWay).toEqual([0, 0, 0]);
  expect(owned()).toEqual([]);
  await caller.speaks();
  await world.advance(500);
  expect(caller.answers()[1]).toMatchObject({ status: 'completed' });
  expect(owned()).toEqual([]);
  await world.end(caller);
});

describe('functions', () => {
  const toolCall: Step = { toolCall: { id: 'call_1', name: 'clock', arguments: '{"zone":"UTC"}' } };
  const tools = [
    { type: 'function', name: 'clock', description: 'The time.', parameters: { type: 'object' } },
  ];

  test('are offered to who thinks, called by the caller, and answered with what came of it', async () => {
    const world = new CascadeWorld({
      think: [
        [toolCall, { finish: 'tool_calls' }],
        [word('It is ten.'), stop],
      ],
    });
    const caller = await world.call();
    caller.transport.says({ type: 'session.update', session: { tools } });
    await caller.speaks();
    await world.advance(500);
    const [called] = caller.transport.all('response.function_call_arguments.done');
    expect(called).toMatchObject({ name: 'clock', call_id: 'call_1', arguments: '{"zone":"UTC"}' });
    const output = { type: 'function_call_output', call_id: 'call_1', output: '10:00' };
    caller.transport.says({ type: 'conversation.item.create', item: output });
    caller.transport.says({ type: 'response.create' });
    await world.advance(1000);
    expect(caller.answers()[1]).toMatchObject({ status: 'completed', said: ['It is ten.'] });
    const [first, second] = world.think.asked.map(({ call }) => call as ChatCall);
    expect(first?.tools).toEqual([
      {
        type: 'function',
        function: { name: 'clock', description: 'The time.', parameters: { type: 'object' } },
      },
    ]);
    expect(second?.messages.slice(-2)).toMatchObject([
      { role: 'assistant', tool_calls: [{ id: 'call_1', function: { name: 'clock' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: '10:00' },
    ]);
    await world.end(caller);
  });
});

describe('text alone', () => {
  test('where nothing hears, audio is refused once, and typing is answered aloud', async () => {
    const world = new CascadeWorld({ hear: null });
    const caller = await world.call();
    await caller.speaks();
    expect(caller.transport.all('error')).toMatchObject([{ error: { code: 'audio_input_unsupported' } }]);
    const content = [{ type: 'input_text', text: 'Hello.' }];
    const item = { type: 'message', role: 'user', content };
    caller.transport.says({ type: 'conversation.item.create', item });
    caller.transport.says({ type: 'response.create' });
    await world.advance(1000);
    expect(caller.answers()).toEqual([whole]);
    await world.end(caller);
  });

  test('where nothing speaks, the answer is read as it comes', async () => {
    const world = new CascadeWorld({ speak: null, think: [[word('Good'), 10, word(' day. How'), stop]] });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(1000);
    expect(caller.transport.all('response.output_text.delta').map(({ delta }) => delta)).toEqual([
      'Good',
      ' day. How',
    ]);
    expect(caller.answers()).toMatchObject([{ status: 'completed', said: ['Good day. How'], ms: 0 }]);
    await world.end(caller);
  });
});
