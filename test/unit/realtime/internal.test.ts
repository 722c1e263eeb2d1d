// What the gateway itself wants said: after everything that a caller waits for, and never in its place.
import { expect, test } from 'vitest';
import { Rig, wordsAndSpeech } from './rig.ts';

const summary = (id: string, voice: string | null = null) =>
  ({
    type: 'speak',
    request: { id, instructions: `Tell ${id}.`, prompt: 'Tell me.', voice, metadata: { task: id } },
  }) as const;

const created = (rig: Rig) =>
  rig.events.flatMap((event) => (event.type === 'response.created' ? [event.response.metadata] : []));

const started = (rig: Rig) =>
  rig.effects.flatMap((effect) => (effect.type === 'start_response' ? [effect.snapshot] : []));

test('is said at once where nobody speaks, with its own instructions and voice and no tools; the prompt is no item', () => {
  const rig = new Rig().ready();
  rig.say('hello', 'hello');
  rig.client({
    type: 'session.update',
    session: { type: 'realtime', tools: [{ type: 'function', name: 'f' }] },
  });
  rig.feed(summary('one', 'rms'));
  expect(rig.last('response.created').response).toMatchObject({
    metadata: { task: 'one' },
    audio: { output: { voice: 'rms' } },
  });
  const [snapshot] = started(rig);
  expect(snapshot).toMatchObject({
    instructions: 'Tell one.',
    usualVoice: 'slt',
    session: { tools: [], tool_choice: 'none', audio: { output: { voice: 'rms' } } },
  });
  expect(snapshot?.items.map(({ id }) => id)).toEqual(['hello', 'prompt_one']);
  rig.output('It is done.');
  rig.end();
  expect(rig.state.items).toHaveLength(2);
  expect(rig.state.session.tools).toHaveLength(1);
  expect(rig.last('response.done').response).toMatchObject({
    status: 'completed',
    metadata: { task: 'one' },
  });
});

test('waits for the answer under way, and for the one that is asked for meanwhile; never cancels either', () => {
  const rig = new Rig().ready();
  const turn_detection = { type: 'server_vad', interrupt_response: false };
  rig.client({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection } } } });
  rig.say('hello');
  rig.client({ type: 'response.create', event_id: 'a', response: { metadata: { ask: 'a' } } });
  rig.feed(summary('one'), summary('two'));
  rig.speak(400);
  expect(created(rig)).toEqual([{ ask: 'a' }]);
  rig.end();
  expect(created(rig)).toEqual([{ ask: 'a' }, null]);
  rig.end();
  expect(created(rig)).toEqual([{ ask: 'a' }, null, { task: 'one' }]);
  rig.end();
  expect(created(rig).slice(2)).toEqual([{ task: 'one' }, { task: 'two' }]);
});

test('waits while the caller speaks, and until that is written down', () => {
  const rig = new Rig(wordsAndSpeech).ready();
  rig.client({
    type: 'session.update',
    session: {
      type: 'realtime',
      audio: { input: { turn_detection: { type: 'server_vad', create_response: false } } },
    },
  });
  rig.append(500);
  rig.feed({ type: 'speech_started', atSample: 0 }, summary('one'));
  expect(created(rig)).toEqual([]);
  rig.feed({ type: 'speech_stopped', atSample: 2400 });
  expect(created(rig)).toEqual([]);
  rig.heard('hello');
  expect(created(rig)).toEqual([{ task: 'one' }]);
});

test('waits for the lobby to end; is dropped when it is given up, and with a session that has failed', () => {
  const rig = new Rig();
  rig.feed(summary('one'), summary('two'), { type: 'unspeak', id: 'one' });
  expect(created(rig)).toEqual([]);
  rig.ready();
  expect(created(rig)).toEqual([{ task: 'two' }]);
  rig.feed(summary('three'), { type: 'engine_failed', code: 'engine_exited', message: 'gone' });
  expect(rig.state).toMatchObject({ internal: [], response: null, phase: 'failed' });
  rig.feed(summary('four'));
  expect(rig.state.internal).toEqual([]);
});

test('is cancelled as any answer, by the client and by speech; giving it up comes too late', () => {
  const rig = new Rig().ready();
  rig.feed(summary('one'), { type: 'unspeak', id: 'one' });
  rig.client({ type: 'response.cancel', event_id: 'c' });
  expect(rig.last('response.done').response.status).toBe('cancelled');
  rig.feed(summary('two'));
  rig.append(300);
  rig.feed({ type: 'speech_started', atSample: 0 });
  expect(rig.last('response.done').response).toMatchObject({
    status_details: { reason: 'turn_detected' },
    metadata: { task: 'two' },
  });
});
