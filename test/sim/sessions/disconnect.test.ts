// Callers that leave at any moment of set-up and of an answer, in any interleaving: everything that was opened is
// closed once, and nothing is left. Seeds that ever failed stand in `regressions` and run first.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld } from '../../support/session-world.ts';

const regressions: readonly number[] = [];
const audio = Buffer.alloc(4800).toString('base64');

const telephone = {
  type: 'session.update',
  session: { audio: { input: { format: { type: 'audio/pcmu' } } } },
};

const things: readonly (object | readonly object[])[] = [
  {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
  },
  { type: 'response.create' },
  { type: 'response.create' },
  { type: 'response.create', response: { conversation: 'none' } },
  {
    type: 'session.update',
    session: { audio: { input: { turn_detection: { type: 'server_vad', idle_timeout_ms: 5000 } } } },
  },
  { type: 'response.cancel' },
  { type: 'input_audio_buffer.append', audio },
  { type: 'input_audio_buffer.commit' },
  { type: 'input_audio_buffer.clear' },
  { type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } },
  {
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { turn_detection: { type: 'server_vad' } } } },
  },
  // Work that does not fit in one turn of the loop, nor does an append after it.
  [telephone, { type: 'input_audio_buffer.append', audio }],
  { type: 'session.update', session: { audio: { output: { format: { type: 'audio/pcma' } } } } },
  { type: 'nonsense' },
];

type Happening =
  | { readonly is: 'says'; readonly caller: number; readonly what: number }
  | { readonly is: 'leaves'; readonly caller: number }
  | { readonly is: 'stalls'; readonly caller: number }
  | { readonly is: 'engine'; readonly state: 'ready' | 'starting' | 'backoff' | 'failed' }
  | { readonly is: 'time'; readonly ms: number }
  | { readonly is: 'shutdown' };

const caller = fc.nat({ max: 2 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      is: fc.constant('says' as const),
      caller,
      what: fc.nat({ max: things.length - 1 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('leaves' as const), caller }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('stalls' as const), caller }) },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constant('engine' as const),
      state: fc.constantFrom('ready', 'starting', 'backoff', 'ready', 'failed'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ is: 'shutdown' as const }) },
);

/** How often the interesting moments were really reached: a green run that never met them proves nothing. */
const reached = {
  leftBeforeOpen: 0,
  leftInAnswer: 0,
  leftInConversion: 0,
  shutdown: 0,
  engineFailed: 0,
  terminated: 0,
};

async function play(
  engine: 'starting' | 'ready',
  happenings: readonly Happening[],
  scheduler: fc.Scheduler,
): Promise<void> {
  const world = new SessionWorld();
  let held: 'held' | 'free' = 'held';
  const gate = (step: string) =>
    held === 'held' ? scheduler.schedule(Promise.resolve(), step) : Promise.resolve();
  const pipeline = new FakePipeline(gate, engine);
  const transports = [new MemoryTransport(), new MemoryTransport(), new MemoryTransport()];
  const opened = transports.map((transport) => world.registry.open({ transport, pipeline, notices: true }));
  for (const happens of happenings) {
    const transport = 'caller' in happens ? transports[happens.caller] : undefined;
    if (happens.is === 'leaves' && transport?.state === 'open') {
      if (transport.sent.length === 0) reached.leftBeforeOpen += 1;
      if (transport.all('response.created').length > transport.all('response.done').length)
        reached.leftInAnswer += 1;
      if (JSON.stringify(world.root.tree()).includes('convert audio')) reached.leftInConversion += 1;
    }
    if (happens.is === 'shutdown') reached.shutdown += 1;
    if (happens.is === 'engine' && happens.state === 'failed') reached.engineFailed += 1;
    if (happens.is === 'says') {
      for (const event of [things[happens.what] ?? {}].flat()) transport?.says(event);
    } else if (happens.is === 'leaves') transport?.gone();
    else if (happens.is === 'stalls' && transport) transport.peer = 'stalled';
    else if (happens.is === 'engine') pipeline.become(happens.state);
    else if (happens.is === 'time') await world.clock.advance(happens.ms);
    else if (happens.is === 'shutdown') void world.root.close('server_shutdown');
    // One held step of the pipeline at a time goes on, in an order that fast-check chooses.
    if (scheduler.count() > 0) await scheduler.waitOne();
  }
  for (const transport of transports) transport.gone();
  held = 'free';
  await scheduler.waitAll();
  // A turn of the real loop lets every promise settle that nothing holds.
  await turn(systemClock);
  await world.clock.advance(120_000);
  await Promise.all(opened);
  world.expectNothingLeft(pipeline);
  await world.root.close('done');
  for (const transport of transports) {
    const created = transport
      .all('response.created')
      .map((event) => event['response'] as { id: string; conversation_id: string | null });
    const done = transport.all('response.done').map((event) => (event['response'] as { id: string }).id);
    reached.terminated += transport.terminations;
    expect(new Set(done).size).toBe(done.length);
    const left = created.filter(({ id }) => !done.includes(id));
    expect(left.filter((response) => response.conversation_id !== null).length).toBeLessThanOrEqual(1);
    expect(left.length).toBeLessThanOrEqual(5);
  }
}

const property = fc.asyncProperty(
  fc.constantFrom('starting', 'ready'),
  fc.array(happening, { maxLength: 40 }),
  fc.scheduler(),
  play,
);

test('callers that leave at any step leave nothing behind, 1000 times at random', async () => {
  for (const seed of regressions) await fc.assert(property, { seed, numRuns: 50 });
  await fc.assert(property, { numRuns: 1000 });
  for (const [moment, times] of Object.entries(reached)) expect(times, moment).toBeGreaterThan(0);
});
