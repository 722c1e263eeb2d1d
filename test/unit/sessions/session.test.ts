// One session over a connection in memory, in virtual time.
import { expect, test } from 'vitest';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld, type SessionWorldOptions } from '../../support/session-world.ts';

const say = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});
const second = Buffer.alloc(48_000).toString('base64');
const append = (audio = second) => ({ type: 'input_audio_buffer.append', audio });
const settle = () => turn(systemClock);

async function call(
  options: { readonly notices?: boolean; readonly pipeline?: FakePipeline } & SessionWorldOptions = {},
) {
  const { notices = true, pipeline = new FakePipeline() } = options;
  const world = new SessionWorld(options);
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline, notices });
  await settle();
  const types = () => transport.sent.map(({ type }) => type);
  return { world, transport, pipeline, types };
}

async function end({ world, transport, pipeline }: Awaited<ReturnType<typeof call>>): Promise<void> {
  transport.gone();
  await settle();
  await world.clock.advance(200_000);
  world.expectNothingLeft(pipeline);
}

test('everything is answered at once in the lobby; the answer waits for the engine and comes after the one Ding', async () => {
  const it = await call();
  it.transport.says(say('hello'));
  it.transport.says({ type: 'response.create' });
  await settle();
  expect(it.types()).toEqual([
    'session.created',
    'conversation.created',
    'greenroom.lobby',
    'conversation.item.added',
    'conversation.item.done',
  ]);
  it.pipeline.become('ready');
  await settle();
  expect(it.types().slice(5, 7)).toEqual(['greenroom.lobby', 'response.created']);
  expect(it.types().at(-1)).toBe('response.done');
  expect(it.transport.all('greenroom.lobby').map(({ state }) => state)).toEqual(['waiting', 'ready']);
  await end(it);
});

test('a caller that did not ask for notices gets no event that a strict client does not know', async () => {
  const it = await call({ notices: false });
  it.pipeline.become('ready');
  await it.world.clock.advance(1000);
  it.pipeline.become('failed');
  await settle();
  expect(it.types().filter((type) => type.startsWith('greenroom.'))).toEqual([]);
  await end(it);
});

test('an answer that waits longer than the lobby allows is told with what is missing, and the session lives', async () => {
  const it = await call();
  it.transport.says({ type: 'response.create', event_id: 'mine' });
  await it.world.clock.advance(59_999);
  expect(it.transport.all('error')).toEqual([]);
  await it.world.clock.advance(1);
  const [error] = it.transport.all('error');
  expect(error).toMatchObject({ error: { code: 'lobby_timeout', event_id: 'mine' } });
  expect(JSON.stringify(error)).toContain('engine engine is starting');
  it.pipeline.become('ready');
  it.transport.says({ type: 'response.create' });
  await settle();
  expect(it.types().at(-1)).toBe('response.done');
  await end(it);
});

test('an engine that fails for good: the reason is told, the waiting answer gets it, the connection closes', async () => {
  const it = await call();
  it.transport.says({ type: 'response.create', event_id: 'mine' });
  it.pipeline.become('failed');
  await settle();
  expect(it.transport.all('greenroom.lobby').at(-1)).toMatchObject({
    state: 'failed',
    error: { code: 'engine_exited', message: 'the engine has failed', log_tail: ['last words'] },
  });
  expect(it.transport.all('error')).toMatchObject([{ error: { code: 'engine_exited', event_id: 'mine' } }]);
  expect(it.transport.closes).toBe(1);
  await end(it);
});

test('an engine that goes away and comes back: the next answer waits, and there is a second Ding', async () => {
  const it = await call({ pipeline: new FakePipeline(undefined, 'ready') });
  it.pipeline.become('backoff');
  it.transport.says({ type: 'response.create' });
  await settle();
  expect(it.transport.all('response.created')).toHaveLength(0);
  it.pipeline.become('ready');
  await settle();
  expect(it.transport.all('response.done')).toHaveLength(1);
  expect(it.transport.all('greenroom.lobby').map(({ state }) => state)).toEqual([
    'ready',
    'waiting',
    'ready',
  ]);
  await end(it);
});

test('early audio is kept up to 30 s; beyond that the oldest goes, and one error says so', async () => {
  const it = await call();
  for (let seconds = 0; seconds < 40; seconds += 1) it.transport.says(append());
  it.transport.says({ type: 'session.update', session: { audio: { input: { turn_detection: null } } } });
  it.transport.says({ type: 'input_audio_buffer.commit' });
  await settle();
  expect(it.transport.all('error')).toMatchObject([{ error: { code: 'lobby_audio_dropped' } }]);
  const [added] = it.transport.all('conversation.item.added');
  it.transport.says({
    type: 'conversation.item.retrieve',
    item_id: (added?.['item'] as { id: string } | undefined)?.id,
  });
  await settle();
  const [retrieved] = it.transport.all('conversation.item.retrieved');
  const item = retrieved?.['item'] as { content: { audio: string }[] } | undefined;
  expect(Buffer.from(item?.content[0]?.audio ?? '', 'base64').length / 48_000).toBe(30);
  await end(it);
});

test('all lobbies together keep no more early audio than their common budget', async () => {
  const it = await call({ earlyAudioBytesMax: 480_000 });
  const other = new MemoryTransport();
  await it.world.registry.open({ transport: other, pipeline: it.pipeline, notices: false });
  for (let seconds = 0; seconds < 8; seconds += 1) {
    it.transport.says(append());
    other.says(append());
  }
  await settle();
  expect(it.transport.all('error').concat(other.all('error')).length).toBeGreaterThan(0);
  other.gone();
  await end(it);
});

test('a caller that reads nothing for 10 s is given up with slow_client; answers stop being made long before', async () => {
  const pipeline = new FakePipeline(undefined, 'ready');
  pipeline.chunks = 100_000;
  const it = await call({ pipeline, queueBytesMax: 2 * 1024 * 1024 });
  it.transport.peer = 'stalled';
  it.transport.says({ type: 'response.create' });
  await settle();
  // The answer waits for room: memory is bounded without anybody being thrown out.
  expect(it.world.registry.list()[0]?.pendingBytes).toBeLessThan(1.6 * 1024 * 1024);
  expect(it.transport.reading).toBe('on');
  await it.world.clock.advance(9900);
  expect(it.transport.closes).toBe(0);
  await it.world.clock.advance(200);
  expect(it.transport.closes).toBe(1);
  await it.world.clock.advance(1000);
  expect(it.transport.terminations).toBe(1);
  await end(it);
});

test('a caller that asks and asks and reads nothing is not read from either, and given up after 30 s', async () => {
  const it = await call({ pipeline: new FakePipeline(undefined, 'ready'), queueBytesMax: 512 * 1024 });
  it.transport.peer = 'stalled';
  for (let line = 0; line < 10_000; line += 1) it.transport.says(say('x'.repeat(200)));
  await settle();
  expect(it.transport.reading).toBe('paused');
  expect(it.world.registry.list()[0]?.pendingBytes).toBeLessThan(0.6 * 1024 * 1024);
  await it.world.clock.advance(29_000);
  expect(it.transport.closes).toBe(0);
  await it.world.clock.advance(2000);
  expect(it.transport.closes).toBe(1);
  await it.world.clock.advance(1000);
  await end(it);
});

test('pongs tell that a caller takes what the kernel still counts as sent', async () => {
  const pipeline = new FakePipeline(undefined, 'ready');
  pipeline.chunks = 100_000;
  const it = await call({ pipeline, queueBytesMax: 2 * 1024 * 1024 });
  it.transport.peer = 'stalled';
  it.transport.says({ type: 'response.create' });
  await settle();
  for (let seconds = 0; seconds < 60; seconds += 6) {
    await it.world.clock.advance(6000);
    it.transport.pongs();
  }
  expect(it.transport.closes).toBe(0);
  await it.world.clock.advance(11_000);
  expect(it.transport.closes).toBe(1);
  await it.world.clock.advance(1000);
  await end(it);
});

test('a caller that takes a little now and then is slow, but stays, and gets everything in order', async () => {
  const it = await call({ pipeline: new FakePipeline(undefined, 'ready'), queueBytesMax: 64 * 1024 });
  it.transport.peer = 'stalled';
  const lines = Array.from({ length: 600 }, (_, line) => `line ${line} ${'x'.repeat(200)}`);
  for (const line of lines) it.transport.says(say(line));
  await settle();
  expect(it.transport.all('conversation.item.added').length).toBeLessThan(lines.length / 2);
  while (it.transport.all('conversation.item.done').length < lines.length) {
    it.transport.takes(20);
    await it.world.clock.advance(5000);
  }
  expect(it.transport.closes).toBe(0);
  it.transport.takes();
  await settle();
  expect(it.transport.reading).toBe('on');
  expect(it.transport.all('conversation.item.done').map((event) => JSON.stringify(event['item']))).toEqual(
    lines.map((line) => expect.stringContaining(line)),
  );
  await end(it);
});

test('a peer without a sign of life for two pings is given up; one that answers stays for an hour', async () => {
  const it = await call({ pipeline: new FakePipeline(undefined, 'ready') });
  await it.world.clock.advance(3_000_000);
  expect(it.transport.state).toBe('open');
  it.transport.peer = 'stalled';
  await it.world.clock.advance(50_000);
  expect(it.transport.state).toBe('closed');
  expect(it.transport.terminations).toBe(1);
  await end(it);
});

test('binary frames, garbage and broken base64 are refused by name, and the session lives', async () => {
  const it = await call({ pipeline: new FakePipeline(undefined, 'ready') });
  it.transport.says(append('not base64!!!'));
  it.transport.says({ type: 'no.such.event', event_id: 'e7' });
  await settle();
  expect(it.transport.all('error')).toMatchObject([
    { error: { code: 'invalid_value', param: 'audio' } },
    { error: { code: 'invalid_value', param: 'type', event_id: 'e7' } },
  ]);
  it.transport.says({ type: 'response.create' });
  await settle();
  expect(it.types().at(-1)).toBe('response.done');
  await end(it);
});

test('a set-up that fails tells the caller, closes with 1011 and leaves nothing', async () => {
  const pipeline = new FakePipeline(undefined, 'ready');
  pipeline.openFailure = new Error('no such voice');
  const world = new SessionWorld();
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline, notices: false });
  await settle();
  expect(transport.sent).toMatchObject([{ type: 'error', error: { message: 'no such voice' } }]);
  expect(transport.state).toBe('closed');
  // The fault itself is in the log, once.
  expect(world.faults.splice(0)).toHaveLength(1);
  world.expectNothingLeft(pipeline);
});

test('more sessions than allowed are refused with the numbers; a place that is free again is given', async () => {
  const it = await call({ sessionsMax: 1 });
  const refused = new MemoryTransport();
  await it.world.registry.open({ transport: refused, pipeline: it.pipeline, notices: false });
  expect(refused.sent).toMatchObject([
    { error: { code: 'sessions_full', message: '1 sessions are open, 1 at most' } },
  ]);
  it.transport.gone();
  await settle();
  const next = new MemoryTransport();
  await it.world.registry.open({ transport: next, pipeline: it.pipeline, notices: false });
  expect(next.sent[0]).toMatchObject({ type: 'session.created' });
  next.gone();
  await end(it);
});

test('callers whose set-up is still under way have their places too', async () => {
  const held = Promise.withResolvers<void>();
  const pipeline = new FakePipeline(
    (stage) => (stage === 'open' ? held.promise : Promise.resolve()),
    'ready',
  );
  const world = new SessionWorld({ sessionsMax: 2 });
  const transports = [new MemoryTransport(), new MemoryTransport(), new MemoryTransport()];
  const opened = transports.map((transport) => world.registry.open({ transport, pipeline, notices: false }));
  held.resolve();
  await Promise.all(opened);
  await settle();
  expect(world.registry.count).toBe(2);
  expect(transports[2]?.sent).toMatchObject([{ error: { code: 'sessions_full' } }]);
  for (const transport of transports) transport.gone();
  await settle();
  await world.clock.advance(200_000);
  world.expectNothingLeft(pipeline);
});

test('events larger than the whole queue are sent, however many were asked for', async () => {
  const it = await call({ pipeline: new FakePipeline(undefined, 'ready'), queueBytesMax: 100_000 });
  for (const text of ['x', 'y', 'z']) it.transport.says(say(text.repeat(150_000)));
  await settle();
  expect(it.transport.all('conversation.item.added')).toHaveLength(3);
  expect(it.transport.closes).toBe(0);
  await end(it);
});
