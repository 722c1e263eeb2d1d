// Callers that are lost and come back at any moment, over any interleaving: what the one who is there was told is what
// the session has, everything that was opened is closed once, and nothing is left. Seeds that ever failed stand in
// `regressions` and run first.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import type { Conversation } from '../../../src/realtime/state.ts';
import { noRecords } from '../../../src/sessions/records.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld } from '../../support/session-world.ts';
import { ToldClient } from '../../support/told-client.ts';

const regressions: readonly number[] = [];
const audio = Buffer.alloc(4800).toString('base64');
const resumption = { type: 'session.update', session: { resumption: { enabled: true } } };
const line = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});

const things: readonly (object | readonly object[])[] = [
  line('hi'),
  line('x'.repeat(700)),
  [line('tell me'), { type: 'response.create' }],
  { type: 'response.create' },
  { type: 'response.create', response: { conversation: 'none' } },
  { type: 'response.cancel' },
  { type: 'input_audio_buffer.append', audio },
  [
    { type: 'input_audio_buffer.append', audio },
    { type: 'input_audio_buffer.append', audio },
    { type: 'input_audio_buffer.append', audio },
  ],
  { type: 'input_audio_buffer.commit' },
  { type: 'input_audio_buffer.clear' },
  { type: 'session.update', session: { instructions: 'Be brief.' } },
];

type Happening =
  | { readonly is: 'says'; readonly what: number }
  | { readonly is: 'lost' | 'hangs_up' | 'stalls' | 'reads' | 'comes' | 'stranger' | 'leaves_late' }
  | { readonly is: 'deletes'; readonly item: number }
  | { readonly is: 'engine'; readonly state: 'ready' | 'starting' | 'failed' }
  | { readonly is: 'time'; readonly ms: number }
  | { readonly is: 'shutdown' };

const one = (is: Exclude<Happening['is'], 'says' | 'deletes' | 'engine' | 'time'>, weight: number) => ({
  weight,
  arbitrary: fc.constant({ is } as Happening),
});
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({ is: fc.constant('says' as const), what: fc.nat({ max: things.length - 1 }) }),
  },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('deletes' as const), item: fc.nat({ max: 5 }) }) },
  one('lost', 6),
  one('comes', 12),
  one('stalls', 5),
  one('reads', 3),
  one('stranger', 1),
  one('leaves_late', 2),
  one('hangs_up', 1),
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('engine' as const),
      state: fc.constantFrom('ready', 'starting', 'ready', 'starting', 'ready', 'ready', 'ready', 'failed'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant('time' as const),
      // To the edge of the window, and over it.
      ms: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constantFrom(9999, 10_000, 29_999, 30_000)),
    }),
  },
  one('shutdown', 2),
);

/** How often the interesting moments were really reached: a green run that never met them proves nothing. */
const reached = {
  resumed: 0,
  replaced: 0,
  expired: 0,
  refusedStranger: 0,
  inAnswer: 0,
  lostInReplay: 0,
  shutdownWhileAway: 0,
  shutdownInReplacement: 0,
  compared: 0,
  comparedInAnswer: 0,
};

class Play {
  readonly truth = new Map<string, Conversation>();
  readonly world: SessionWorld;
  readonly pipeline: FakePipeline;
  readonly transports: MemoryTransport[] = [];
  readonly opened: Promise<unknown>[] = [];
  readonly changes: string[] = [];
  /** Of each session, in order. */
  readonly stories = new Map<string, readonly string[]>();
  conversationId: string | null = null;

  constructor(engine: 'starting' | 'ready', gate: (step: string) => Promise<void>) {
    this.pipeline = new FakePipeline(gate, engine);
    this.pipeline.abilities = { hears: 'words', answers: 'speech' };
    this.pipeline.speech = (frame) => (frame % 40 < 15 ? 1 : 0);
    this.world = new SessionWorld({
      queueBytesMax: 3000,
      records: () => (origin) => ({
        ...noRecords(origin),
        stepped: ({ state }) => void this.truth.set(origin.id, state),
      }),
    });
    for (let item = 0; item < 100; item += 1) this.pipeline.transcripts.push(['some', 'something else']);
    this.world.registry.changes.listen(({ id, type, reason }) => {
      this.changes.push(`${type} ${reason}`);
      this.stories.set(id, [...(this.stories.get(id) ?? []), reason ?? type]);
    });
  }

  get last(): MemoryTransport | undefined {
    return this.transports.at(-1);
  }

  comes(principal = 'ann'): MemoryTransport {
    const transport = new MemoryTransport();
    const { pipeline, conversationId } = this;
    const request = { transport, pipeline, notices: true, principal, conversationId };
    this.opened.push(this.world.registry.open(request));
    transport.says(resumption);
    return transport;
  }

  /** Of the caller who is there. */
  learn(): void {
    const created = this.last?.all('conversation.created').at(-1)?.['conversation'];
    this.conversationId = (created as { readonly id: string } | undefined)?.id ?? this.conversationId;
  }
}

async function play(
  engine: 'starting' | 'ready',
  happenings: readonly Happening[],
  scheduler: fc.Scheduler,
): Promise<void> {
  let held: 'held' | 'free' = 'held';
  const it = new Play(engine, (step) =>
    held === 'held' && step !== 'open' && step !== 'close'
      ? scheduler.schedule(Promise.resolve(), step)
      : Promise.resolve(),
  );
  const { world } = it;
  it.transports.push(it.comes());
  const strangers: MemoryTransport[] = [];
  for (const happens of happenings) {
    it.learn();
    const { last } = it;
    const facts = world.registry.list()[0];
    if (happens.is === 'says') for (const event of [things[happens.what] ?? {}].flat()) last?.says(event);
    else if (happens.is === 'deletes') {
      const id = [...it.truth.values()].at(-1)?.items[happens.item]?.id;
      last?.says({ type: 'conversation.item.delete', item_id: id ?? 'item_0' });
    } else if (happens.is === 'lost') {
      if (facts?.response) reached.inAnswer += 1;
      if (last?.peer === 'stalled' && last.all('response.created').length === 0) reached.lostInReplay += 1;
      last?.gone(1006);
    } else if (happens.is === 'hangs_up') last?.gone(1000);
    else if (happens.is === 'stalls' && last) last.peer = 'stalled';
    else if (happens.is === 'reads' && last) {
      last.peer = 'reads';
      last.takes();
    } else if (happens.is === 'comes') it.transports.push(it.comes());
    else if (happens.is === 'stranger') strangers.push(it.comes('bob'));
    // Whoever was replaced says something, and goes, when another is there.
    else if (happens.is === 'leaves_late') {
      const before = it.transports.at(-2);
      before?.says(line('late'));
      before?.gone(1000);
    } else if (happens.is === 'engine') it.pipeline.become(happens.state);
    else if (happens.is === 'time') await world.clock.advance(happens.ms);
    else if (happens.is === 'shutdown') {
      if (facts?.state === 'away') reached.shutdownWhileAway += 1;
      if (it.transports.at(-2)?.state === 'closing') reached.shutdownInReplacement += 1;
      void world.root.close('server_shutdown');
    }
    if (scheduler.count() > 0) await scheduler.waitOne();
    for (let turns = 0; turns < 3; turns += 1) await Promise.resolve();
  }
  await compare(it);
  for (const transport of [...it.transports, ...strangers]) transport.gone();
  held = 'free';
  await scheduler.waitAll();
  await turn(systemClock);
  await world.clock.advance(200_000);
  await Promise.all(it.opened);
  world.expectNothingLeft(it.pipeline);
  await world.root.close('done');
  count(it, strangers);
}

/** What the caller was told is what there is. */
async function compare({ last, truth, world }: Play): Promise<void> {
  if (last?.state !== 'open') return;
  last.peer = 'reads';
  last.takes();
  await turn(systemClock);
  last.takes();
  await turn(systemClock);
  const client = new ToldClient();
  for (const event of last.sent) client.hear(event);
  expect(client.oddities).toEqual([]);
  const state = truth.get(client.sessionId);
  const isThere = world.registry
    .list()
    .some(({ id, state }) => id === client.sessionId && state !== 'closing');
  if (!state || !isThere || last.state !== 'open') return;
  reached.compared += 1;
  const { response, asides, items, input, unheard } = state;
  if (response) reached.comparedInAnswer += 1;
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
  const shown = items.map((item) => (client.cut.has(item.id) ? item.id : plain(item)));
  expect(client.items.map((item) => (client.cut.has(item.id) ? item.id : item))).toEqual(shown);
  const running = [...(response ? [response] : []), ...asides].map(({ object, text }) => [object.id, text]);
  expect([...client.running].toSorted()).toEqual(running.toSorted());
  expect(client.turn).toBe(input.turn?.itemId ?? null);
  const deltas = [...unheard].flatMap(([id, how]) =>
    how.state === 'asked' && how.delta ? [[id, how.delta]] : [],
  );
  expect([...client.written]).toEqual(deltas);
}

function count({ changes, stories, transports }: Play, strangers: readonly MemoryTransport[]): void {
  reached.resumed += changes.filter((change) => change.startsWith('resumed')).length;
  reached.replaced += changes.filter((change) => change.startsWith('replaced')).length;
  const expired = (those: readonly MemoryTransport[]) =>
    those.filter(
      ({ sent }) => (sent[0]?.['error'] as { code?: string } | undefined)?.code === 'conversation_expired',
    );
  reached.expired += expired(transports).length;
  reached.refusedStranger += expired(strangers).length;
  // Nobody is lost who is there.
  for (const story of stories.values()) if (story.at(-1) === 'client_lost') expect(story.at(-2)).toBe('away');
  // Every one of them was told its end once, over all of its connections.
  const done = transports
    .flatMap((each) => each.all('response.done'))
    .map((event) => (event['response'] as { id: string }).id);
  expect(new Set(done).size).toBe(done.length);
  const ids = transports.flatMap(({ sent }) => sent.map((event) => event['event_id']));
  expect(new Set(ids).size).toBe(ids.length);
}

const property = fc.asyncProperty(
  fc.constantFrom('starting', 'ready', 'ready'),
  fc.array(happening, { maxLength: 50, size: 'max' }),
  fc.scheduler(),
  play,
);

test('whoever is lost at any step and comes back has what the session has, and nothing is left, 1000 times at random', async () => {
  for (const seed of regressions) await fc.assert(property, { seed, numRuns: 50 });
  await fc.assert(property, { numRuns: 1000 });
  for (const [moment, times] of Object.entries(reached)) expect(times, moment).toBeGreaterThan(0);
}, 120_000);
