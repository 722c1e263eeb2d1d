// What a tape hears of a session whose caller is lost and comes back: everything once, and nothing that is told again.
import { expect, test } from 'vitest';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld } from '../../support/session-world.ts';

const settle = () => turn(systemClock);
const resumption = { type: 'session.update', session: { resumption: { enabled: true } } };
const say = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});

interface Told {
  readonly event_id: string;
  readonly type: string;
  readonly item?: { readonly content: readonly { readonly text?: string }[] };
}

async function taped(gate?: (step: string) => Promise<void>) {
  const told: Told[] = [];
  const world = new SessionWorld({
    openTape: () => ({
      begin: () => undefined,
      heard: () => undefined,
      told: (text) => void told.push(JSON.parse(`${text}`) as Told),
      ask: () => undefined,
      end: () => undefined,
    }),
  });
  const pipeline = new FakePipeline(gate, 'ready');
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline, notices: false });
  transport.says(resumption);
  await settle();
  const [created] = transport.all('conversation.created');
  const conversationId = String((created?.['conversation'] as { id?: string } | undefined)?.id);
  const back = async () => {
    const next = new MemoryTransport();
    await world.registry.open({ transport: next, pipeline, notices: false, conversationId });
    await settle();
    return next;
  };
  const end = async (...transports: readonly MemoryTransport[]) => {
    for (const each of transports) each.gone(1000);
    await settle();
    await world.clock.advance(200_000);
    world.expectNothingLeft(pipeline);
  };
  const types = () => told.map(({ type }) => type);
  return { world, told, transport, types, back, end };
}

test('however often its caller comes back, what was said is on the tape once, and so is what follows', async () => {
  const it = await taped();
  it.transport.says(say('before'));
  await settle();
  it.transport.gone(1006);
  const callers = [it.transport];
  for (let times = 0; times < 40; times += 1) callers.push(await it.back());
  expect(callers.at(-1)?.all('conversation.item.done')).toHaveLength(1);
  callers.at(-1)?.says(say('after'));
  await settle();
  expect(it.types().filter((type) => type === 'session.created')).toHaveLength(1);
  const done = it.told.filter(({ type }) => type === 'conversation.item.done');
  expect(done.map(({ item }) => item?.content[0]?.text)).toEqual(['before', 'after']);
  // The very events that the caller has.
  const ids = it.told.map(({ event_id }) => event_id);
  expect(new Set(ids).size).toBe(ids.length);
  const last = callers.at(-1)?.sent.at(-1)?.['event_id'];
  expect(ids.at(-1)).toBe(last);
  await it.end(...callers);
});

test('what was answered while nobody was there is on the tape, as it was made', async () => {
  const steps: (() => void)[] = [];
  const it = await taped((step) =>
    step === 'chunk' ? new Promise<void>((resolve) => steps.push(resolve)) : Promise.resolve(),
  );
  it.transport.says({ type: 'response.create' });
  await settle();
  it.transport.gone(1006);
  while (!it.types().includes('response.done')) {
    steps.shift()?.();
    await settle();
  }
  expect(it.transport.all('response.output_audio.delta')).toEqual([]);
  const next = await it.back();
  const deltas = it.types().filter((type) => type === 'response.output_audio.delta');
  expect(deltas.length).toBeGreaterThan(0);
  expect(it.types().at(-1)).toBe('response.done');
  await it.end(it.transport, next);
});
