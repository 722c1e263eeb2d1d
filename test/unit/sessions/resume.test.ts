// A caller that is lost and comes back to its session: over connections in memory, in virtual time.
import { expect, test } from 'vitest';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import type { SessionChange } from '../../../src/sessions/registry-options.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld, type SessionWorldOptions } from '../../support/session-world.ts';

const settle = () => turn(systemClock);
const resumption = { type: 'session.update', session: { resumption: { enabled: true } } };
const say = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});
const second = Buffer.alloc(48_000).toString('base64');

async function call(
  options: SessionWorldOptions & { readonly pipeline?: FakePipeline; readonly resumes?: boolean } = {},
) {
  const { pipeline = new FakePipeline(undefined, 'ready'), resumes = true } = options;
  const world = new SessionWorld(options);
  const changes: string[] = [];
  world.registry.changes.listen(({ type, reason }: SessionChange) =>
    changes.push(reason === null ? type : `${type} ${reason}`),
  );
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline, notices: true, principal: 'ann' });
  if (resumes) transport.says(resumption);
  await settle();
  const [created] = transport.all('conversation.created');
  const conversationId = String((created?.['conversation'] as { id?: string } | undefined)?.id);
  /** Over a new connection. */
  const back = async (given: { principal?: string; conversationId?: string; notices?: boolean } = {}) => {
    const next = new MemoryTransport();
    const asked = { principal: 'ann', conversationId, notices: false, ...given };
    await world.registry.open({ transport: next, pipeline, ...asked });
    await settle();
    return next;
  };
  const end = async (...transports: MemoryTransport[]) => {
    for (const each of [transport, ...transports]) each.gone(1000);
    await settle();
    await world.clock.advance(200_000);
    world.expectNothingLeft(pipeline);
  };
  return { world, pipeline, transport, changes, conversationId, back, end };
}

const typesOf = ({ sent }: MemoryTransport) => sent.map(({ type }) => type);

test('a caller that was lost comes back to its session: the same ids, what there is, then what happens', async () => {
  const it = await call();
  it.transport.says({ type: 'session.update', session: { instructions: 'Be kind.' } });
  it.transport.says(say('hello'));
  await settle();
  it.transport.gone(1006);
  await settle();
  expect(it.world.registry.list()).toMatchObject([{ state: 'away', awayLeftMs: 30_000 }]);
  await it.world.clock.advance(29_000);
  expect(it.world.registry.list()).toMatchObject([{ state: 'away', awayLeftMs: 1000 }]);
  const next = await it.back();
  expect(typesOf(next)).toEqual([
    ...['session.created', 'conversation.created'],
    ...['conversation.item.added', 'conversation.item.done'],
  ]);
  expect(next.sessionId).toBe(it.transport.sessionId);
  expect(next.sent[0]).toMatchObject({
    session: { instructions: 'Be kind.', resumption: { enabled: true } },
  });
  expect(next.sent[1]).toMatchObject({ conversation: { id: it.conversationId } });
  expect(next.sent[2]).toMatchObject({ item: { content: [{ text: 'hello' }] } });
  next.says({ type: 'response.create' });
  await it.world.clock.advance(60_000);
  expect(next.all('response.done')).toMatchObject([{ response: { status: 'completed' } }]);
  expect(it.world.registry.list()).toMatchObject([{ state: 'ready', awayLeftMs: null }]);
  await it.end(next);
  expect(it.changes).toEqual(['opened', 'away', 'resumed', 'closed client_left']);
});

test('an answer that was under way is completed while nobody is there, and is told whole', async () => {
  const steps: (() => void)[] = [];
  const gate = (step: string) =>
    step === 'chunk' ? new Promise<void>((resolve) => steps.push(resolve)) : Promise.resolve();
  const it = await call({ pipeline: new FakePipeline(gate, 'ready') });
  it.transport.says({ type: 'response.create' });
  await settle();
  steps.shift()?.();
  await settle();
  expect(it.transport.all('response.output_audio.delta')).toHaveLength(1);
  it.transport.gone();
  while (it.pipeline.ledger.answersEnded === 0) {
    steps.shift()?.();
    await settle();
  }
  const next = await it.back();
  expect(next.all('conversation.item.done')).toMatchObject([
    {
      item: {
        status: 'completed',
        content: [{ type: 'output_audio', transcript: 'answer to 0 items' }],
      },
    },
  ]);
  expect(next.all('response.created')).toEqual([]);
  await it.end(next);
});

test('an answer that still runs is begun once more, and goes on', async () => {
  const steps: (() => void)[] = [];
  const gate = (step: string) =>
    step === 'chunk' ? new Promise<void>((resolve) => steps.push(resolve)) : Promise.resolve();
  const it = await call({ pipeline: new FakePipeline(gate, 'ready') });
  it.transport.says({ type: 'response.create' });
  await settle();
  it.transport.gone();
  await settle();
  steps.shift()?.();
  await settle();
  const next = await it.back();
  expect(typesOf(next)).toEqual([
    ...['session.created', 'conversation.created', 'response.created', 'response.output_item.added'],
    ...['conversation.item.added', 'response.content_part.added', 'response.output_audio_transcript.delta'],
  ]);
  next.says(say('meanwhile'));
  while (it.pipeline.ledger.answersEnded === 0) {
    steps.shift()?.();
    await settle();
  }
  expect(next.all('response.output_audio.delta')).toHaveLength(4);
  expect(next.all('response.done')).toMatchObject([{ response: { status: 'completed' } }]);
  await it.end(next);
});

test('nobody came back within the window: the session ends as one whose client was lost', async () => {
  const it = await call();
  it.transport.gone(1001);
  await it.world.clock.advance(29_999);
  expect(it.world.registry.count).toBe(1);
  await it.world.clock.advance(1);
  expect(it.changes).toEqual(['opened', 'away', 'closed client_lost']);
  const late = await it.back();
  expect(late.all('error')).toMatchObject([{ error: { code: 'conversation_expired' } }]);
  expect(typesOf(late).slice(0, 3)).toEqual(['error', 'session.created', 'conversation.created']);
  expect(late.sessionId).not.toBe(it.transport.sessionId);
  await it.end(late);
});

test('who hangs up does not come back, nor does who never asked to', async () => {
  const left = await call();
  left.transport.gone(1000);
  await settle();
  expect(left.changes).toEqual(['opened', 'closed client_left']);
  await left.end();
  const lost = await call({ resumes: false });
  const thief = await lost.back();
  expect(thief.all('error')).toMatchObject([{ error: { code: 'conversation_expired' } }]);
  lost.transport.gone(1006);
  await settle();
  expect(lost.world.registry.count).toBe(1);
  await lost.end(thief);
});

test('a connection that is still there is told, and replaced; what it does later touches nothing', async () => {
  const it = await call();
  it.transport.peer = 'stalled';
  const next = await it.back({ notices: true });
  expect(it.transport.sent.at(-1)).toMatchObject({ type: 'greenroom.notice', code: 'replaced' });
  expect(it.transport.closedWith).toMatchObject({ code: 4409 });
  it.transport.says(say('too late'));
  await it.world.clock.advance(1000);
  expect(it.transport.terminations).toBe(1);
  expect(typesOf(next)).toEqual(['session.created', 'conversation.created', 'greenroom.lobby']);
  next.says(say('hello'));
  await settle();
  expect(next.all('conversation.item.added')).toMatchObject([{ item: { content: [{ text: 'hello' }] } }]);
  await it.end(next);
  expect(it.changes).toEqual(['opened', 'replaced', 'closed client_left']);
});

test('what the replaced connection says and does in the same turn touches nothing either', async () => {
  const it = await call();
  const next = new MemoryTransport();
  const asked = { principal: 'ann', conversationId: it.conversationId, notices: false };
  const opened = it.world.registry.open({ transport: next, pipeline: it.pipeline, ...asked });
  it.transport.says(say('too late'));
  it.transport.gone(1000);
  await opened;
  await settle();
  expect(next.all('conversation.item.added')).toEqual([]);
  expect(it.world.registry.list()).toMatchObject([{ state: 'ready' }]);
  await it.end(next);
});

test('another one than who opened it finds nothing, and the session stays as it is', async () => {
  const it = await call();
  const thief = await it.back({ principal: 'bob' });
  expect(thief.all('error')).toMatchObject([{ error: { code: 'conversation_expired' } }]);
  expect(thief.sessionId).not.toBe(it.transport.sessionId);
  it.transport.says(say('still me'));
  await settle();
  expect(it.transport.all('conversation.item.added')).toHaveLength(1);
  expect(thief.all('conversation.item.added')).toEqual([]);
  await it.end(thief);
});

test('a place is taken while nobody is there; a shutdown ends it at once', async () => {
  const it = await call({ sessionsMax: 1 });
  it.transport.gone();
  await settle();
  const other = new MemoryTransport();
  await it.world.registry.open({ transport: other, pipeline: it.pipeline, notices: false });
  expect(other.all('error')).toMatchObject([{ error: { code: 'sessions_full' } }]);
  const began = it.world.clock.now();
  await it.world.root.close('server_shutdown');
  expect(it.world.clock.now()).toBe(began);
  expect(it.changes.at(-1)).toBe('closed server_shutdown');
});

test('pings that are not answered, and output that is not read: the caller may come back', async () => {
  const silent = await call();
  silent.transport.peer = 'stalled';
  await silent.world.clock.advance(46_000);
  expect(silent.changes).toEqual(['opened', 'away']);
  await silent.end();
  const slow = await call();
  slow.transport.peer = 'stalled';
  slow.transport.says(say('hello'));
  await slow.world.clock.advance(11_000);
  expect(slow.transport.closedWith).toMatchObject({ code: 4408 });
  expect(slow.changes).toEqual(['opened', 'away']);
  const next = await slow.back();
  expect(next.all('conversation.item.done')).toHaveLength(1);
  await slow.end(next);
});

test('what a caller said before it was lost is heard on with what it says after', async () => {
  const pipeline = new FakePipeline(undefined, 'ready');
  pipeline.speech = (frame) => (frame < 50 ? 1 : 0);
  const it = await call({ pipeline });
  it.transport.says({ type: 'input_audio_buffer.append', audio: second });
  await settle();
  expect(it.transport.all('input_audio_buffer.speech_started')).toHaveLength(1);
  it.transport.gone();
  await it.world.clock.advance(20_000);
  const next = await it.back();
  expect(next.all('input_audio_buffer.speech_started')).toMatchObject(
    it.transport.all('input_audio_buffer.speech_started').map(({ item_id }) => ({ item_id })),
  );
  for (let seconds = 0; seconds < 3; seconds += 1)
    next.says({ type: 'input_audio_buffer.append', audio: second });
  await it.world.clock.advance(100);
  expect(next.all('input_audio_buffer.speech_stopped')).toHaveLength(1);
  await it.end(next);
});

test('a long conversation is told as it is taken, and what happens meanwhile comes behind it', async () => {
  const it = await call({ queueBytesMax: 20_000 });
  for (let line = 0; line < 60; line += 1) it.transport.says(say(`${line} ${'x'.repeat(1000)}`));
  await settle();
  it.transport.gone();
  await settle();
  const next = new MemoryTransport();
  next.peer = 'stalled';
  const asked = { principal: 'ann', conversationId: it.conversationId, notices: true };
  await it.world.registry.open({ transport: next, pipeline: it.pipeline, ...asked });
  next.says(say('last'));
  const { pendingBytes = 0 } = it.world.registry.list()[0] ?? {};
  expect(pendingBytes).toBeLessThan(20_000);
  it.pipeline.become('backoff');
  for (let taken = 0; taken < 300; taken += 1) next.takes(1);
  await settle();
  const texts = next
    .all('conversation.item.done')
    .map((event) => (event['item'] as { content: { text: string }[] }).content[0]?.text.split(' ')[0]);
  expect(texts).toEqual([...Array.from({ length: 60 }, (_, line) => String(line)), 'last']);
  // Behind the sixty, and before what was said to it.
  expect(typesOf(next).indexOf('greenroom.lobby')).toBe(2 + 60 * 2);
  await it.end(next);
});

test('how things stand beside the conversation is told to who comes back: of each the last word', async () => {
  const it = await call();
  it.transport.gone(1006);
  await settle();
  const [open] = it.world.registry.answeredBy(it.pipeline);
  const playback = { recording_id: 'rec/1', mode: 'full', speed: 1, duration_ms: 500, message: '' } as const;
  const tell = (id: string, state: 'playing' | 'finished', position_ms: number) =>
    open?.session.notice({ type: 'greenroom.playback', id, state, position_ms, ...playback });
  tell('play_1', 'playing', 0);
  tell('play_2', 'playing', 0);
  open?.session.notice({ type: 'greenroom.notice', code: 'recording', state: 'on', take: 1, message: 'on' });
  tell('play_1', 'finished', 500);
  const next = await it.back({ notices: true });
  const beside = next.sent.slice(next.sent.findIndex(({ type }) => type === 'greenroom.lobby') + 1);
  expect(beside).toMatchObject([
    { type: 'greenroom.playback', id: 'play_2', state: 'playing' },
    { type: 'greenroom.notice', code: 'recording', state: 'on' },
    { type: 'greenroom.playback', id: 'play_1', state: 'finished' },
  ]);
  // Told once; and not to who asks for no notices.
  next.gone(1006);
  await settle();
  const strict = await it.back();
  expect(typesOf(strict).filter((type) => type.startsWith('greenroom.'))).toEqual([]);
  await it.end(next, strict);
});
