// What a session leaves behind, told by its own conversation.
import { expect, test } from 'vitest';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { storedRecords } from '../../../src/sessions/records.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld } from '../../support/session-world.ts';

const settle = () => turn(systemClock);
const create = (id: string, item: object, more: object = {}) => ({
  type: 'conversation.item.create',
  item: { id, ...item },
  ...more,
});
const text = (line: string) => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text: line }],
});

async function call(pipeline = new FakePipeline(undefined, 'ready')) {
  const store = new MemoryStore();
  const world = new SessionWorld({ records: (clock) => storedRecords(store, clock) });
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline, notices: false });
  await settle();
  const [session] = await store.listSessions();
  if (!session) throw new Error('no session was recorded');
  return {
    ...{ store, world, transport, pipeline, opened: session },
    session: async () => (await store.listSessions())[0],
    items: () => store.sessionItems(session.id),
    async says(...events: readonly object[]) {
      for (const event of events) transport.says(event);
      await settle();
    },
    async end(leave: () => unknown = () => transport.gone(1005)) {
      await leave();
      await settle();
      await world.clock.advance(200_000);
      world.expectNothingLeft(pipeline);
    },
  };
}

test('a call: when it was, what was said and answered, how it ended', async () => {
  const it = await call();
  expect(it.opened).toMatchObject({ pipeline: 'fake', remote: 'memory', state: 'open', closedAtMs: null });
  const atMs = it.world.clock.wallTime();
  expect(it.opened.openedAtMs).toBe(atMs);
  await it.says(create('mine', text('hello')), { type: 'response.create' });
  await it.world.clock.advance(5000);
  const items = await it.items();
  expect(items).toMatchObject([
    { id: 'mine', previousId: null, role: 'user', status: 'completed', text: 'hello', createdAtMs: atMs },
    { previousId: 'mine', role: 'assistant', status: 'completed', text: 'answer to 1 items' },
  ]);
  await it.end();
  expect(await it.session()).toMatchObject({
    ...{ state: 'closed', reason: 'client_left', closeCode: 1005, items: 2, answers: 1 },
    closedAtMs: atMs + 5000,
  });
});

test('what was said is written down when it was heard', async () => {
  const pipeline = new FakePipeline(undefined, 'ready');
  pipeline.abilities = { hears: 'words', answers: 'speech' };
  pipeline.transcripts.push(['Good', 'Good day.']);
  const it = await call(pipeline);
  const audio = Buffer.alloc(48_000).toString('base64');
  await it.says(
    create('mine', { type: 'message', role: 'user', content: [{ type: 'input_audio', audio }] }),
    { type: 'response.create' },
  );
  expect(pipeline.heard).toEqual([{ itemId: 'mine', language: null }]);
  expect(await it.items()).toMatchObject([
    { id: 'mine', role: 'user', text: 'Good day.' },
    { role: 'assistant', text: 'answer to 1 items' },
  ]);
  await it.end();
});

test('what is complete at once is written once', async () => {
  const it = await call();
  await it.says(create('mine', text('hello')));
  expect(it.store.writes.map(({ type }) => type)).toEqual(['session', 'item']);
  await it.end();
});

test('deleted items are marked, and one with the same id is another', async () => {
  const it = await call();
  const remove = { type: 'conversation.item.delete', item_id: 'a' };
  await it.says(create('a', text('first')), remove, create('a', text('second')), remove);
  await it.says({ ...remove, item_id: 'unheard of' });
  expect((await it.items()).map((item) => [item.text, item.deletedAtMs !== null])).toEqual([
    ['second', true],
    ['first', true],
  ]);
  await it.end();
  expect(await it.session()).toMatchObject({ items: 2 });
});

test('calls of functions and their results are kept as they are', async () => {
  const it = await call();
  await it.says(
    create('f', { type: 'function_call', call_id: 'c1', name: 'look_up', arguments: '{"word":"kiwi"}' }),
    create('o', { type: 'function_call_output', call_id: 'c1', output: 'a bird' }),
  );
  expect(await it.items()).toMatchObject([
    { type: 'function_call', role: null, name: 'look_up', callId: 'c1', text: '{"word":"kiwi"}' },
    { type: 'function_call_output', role: null, name: null, callId: 'c1', text: 'a bird' },
  ]);
  await it.end();
});

test('speech without a transcript has no text, rather than an empty one', async () => {
  const it = await call();
  const second = Buffer.alloc(48_000).toString('base64');
  await it.says(
    { type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } },
    { type: 'input_audio_buffer.append', audio: second },
    { type: 'input_audio_buffer.commit' },
  );
  expect(await it.items()).toMatchObject([{ role: 'user', text: null }]);
  await it.end();
});

test('an answer that was cut off keeps how much of it was heard, and the words of that', async () => {
  const it = await call();
  await it.says(create('mine', text('hello')), { type: 'response.create' });
  const [, answer] = await it.items();
  // 5 chunks of 20 ms.
  await it.says({
    ...{ type: 'conversation.item.truncate', item_id: answer?.id, content_index: 0, audio_end_ms: 40 },
  });
  expect(await it.items()).toMatchObject([{}, { text: 'answer', heardMs: 40, status: 'completed' }]);
  await it.end();
});

test('an answer that the end of the session cut off is kept as far as it was made', async () => {
  const held = Promise.withResolvers<void>();
  const gate = (step: string) => (step === 'chunk' ? held.promise : Promise.resolve());
  const it = await call(new FakePipeline(gate, 'ready'));
  await it.says(create('mine', text('hello')), { type: 'response.create' });
  expect(await it.items()).toMatchObject([{}, { status: 'in_progress', text: '' }]);
  const deadline = new Deadline(it.world.clock, 1000);
  await it.end(() => {
    void it.world.registry.closeAll('server_shutdown', deadline);
    held.resolve();
  });
  deadline.dispose();
  expect(await it.items()).toMatchObject([{}, { status: 'incomplete', text: 'answer to 1 items' }]);
  expect(await it.session()).toMatchObject({ reason: 'server_shutdown', closeCode: 1001, answers: 0 });
});

test('the close code is the one that the reason has, unless the caller has given one', async () => {
  const it = await call();
  it.pipeline.become('failed');
  await it.end(() => settle());
  expect(await it.session()).toMatchObject({ reason: 'engine_failed', closeCode: 4410 });
});

test('a set-up that fails leaves no session behind', async () => {
  const store = new MemoryStore();
  const world = new SessionWorld({ records: (clock) => storedRecords(store, clock) });
  const pipeline = new FakePipeline();
  pipeline.openFailure = new Error('no room');
  const opening = world.registry.open({ transport: new MemoryTransport(), pipeline, notices: false });
  await world.clock.advance(5000);
  await opening;
  expect(store.writes).toEqual([]);
});
