// What callers are told of a generation that drains: when it begins to, and when they come back meanwhile.
import { expect, test } from 'vitest';
import { SessionsOfGenerations } from '../../../src/gateway/generation-sessions.ts';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld } from '../../support/session-world.ts';

const settle = () => turn(systemClock);
const resumption = { type: 'session.update', session: { resumption: { enabled: true } } };
const restarts = ({ sent }: MemoryTransport) => sent.filter(({ code }) => code === 'pipeline_restarted');

async function call() {
  const world = new SessionWorld();
  const pipeline = new FakePipeline(undefined, 'ready');
  const generations = new SessionsOfGenerations(world.registry, world.clock, () => 60_000);
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline, notices: true });
  transport.says(resumption);
  await settle();
  const [created] = transport.all('conversation.created');
  const conversationId = String((created?.['conversation'] as { id?: string } | undefined)?.id);
  const back = async (notices = true) => {
    const next = new MemoryTransport();
    await world.registry.open({ transport: next, pipeline, notices, conversationId });
    await settle();
    return next;
  };
  const end = async (last: MemoryTransport) => {
    last.gone(1000);
    await settle();
    await world.clock.advance(200_000);
    world.expectNothingLeft(pipeline);
    generations.close();
  };
  return { world, pipeline, generations, transport, back, end };
}

test('a caller that was away when its generation began to drain is told what is left, behind what there is', async () => {
  const it = await call();
  it.transport.gone(1006);
  await settle();
  it.generations.draining(it.pipeline, 2);
  await it.world.clock.advance(20_000);
  const next = await it.back();
  expect(restarts(it.transport)).toEqual([]);
  expect(restarts(next)).toMatchObject([
    {
      current: 2,
      drain_ms: 40_000,
      message: expect.stringMatching(/generation 2; .* for 40s at the longest/),
    },
  ]);
  expect(next.sent[0]).toMatchObject({ type: 'session.created' });
  await it.end(next);
});

test('who was told is told again over another connection; nobody else is, nor of a generation that is current', async () => {
  const it = await call();
  const second = await it.back();
  expect(restarts(second)).toEqual([]);
  it.generations.draining(it.pipeline, null);
  expect(restarts(second)).toMatchObject([{ current: null, drain_ms: 60_000 }]);
  await it.world.clock.advance(1000);
  const third = await it.back();
  expect(restarts(third)).toMatchObject([{ current: null, drain_ms: 59_000 }]);
  const silent = await it.back(false);
  expect(restarts(silent)).toEqual([]);
  await it.end(silent);
});
