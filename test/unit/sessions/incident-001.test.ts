// A day when what a caller had begun was not ended with them, and a call was closed by a pipeline that had never opened
// it. Which test has which case of that day:
//
//     a call stays with the pipeline that it began with,   here; process/generations "a call is answered across a
//       and is closed and recorded under its generation      replacement"; sim/sessions/keeping
//     a set-up that fails, at whichever step               here; session "a set-up that fails tells the caller"; records
//                                                            "a set-up that fails leaves no session behind"
//     a caller that leaves while it plays                  here (WebM); playback/desk "who leaves in the middle";
//                                                            process/playback "a caller that leaves"; sim/playback
//     a playback that cannot begin: none is active         playback/desk "what is not there, is not ready or cannot be
//                                                            played"; playback/webm; process/playback "every
//                                                            refusal"
//     quit is the leaving that every other is              process/incident-001; process/terminal "quit leaves by the
//                                                            same path"; process/gateway-commands "the prompt restarts"
//     everything is ended twice, and by all at once        here; playback/desk "one at a time"; sim/lifecycle/scope-model
//     the whole round at a real terminal                   process/incident-001
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Decoders } from '../../../src/audio/decoding/decoders.ts';
import { shippedFile } from '../../../src/engines/locate.ts';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { PipelineLine } from '../../../src/pipelines/pipeline-line.ts';
import { noRecords, storedRecords } from '../../../src/sessions/records.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { testFolder } from '../../support/folder.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { PlaybackWorld } from '../../support/playback-world.ts';
import { SessionWorld, type SessionWorldOptions } from '../../support/session-world.ts';
import { tonePath } from '../audio/webm/streams.ts';

const settle = () => turn(systemClock);
const ask = [
  {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
  },
  { type: 'response.create' },
];

/** A pipeline with generations, and a record of its sessions. */
function world(options: SessionWorldOptions = {}) {
  const store = new MemoryStore();
  const sessions = new SessionWorld({ records: (clock) => storedRecords(store, clock), ...options });
  const line = new PipelineLine<FakePipeline>({
    ...{ name: 'fake', clock: sessions.clock, drainMs: () => 600_000 },
    ...{ onChange: () => undefined, onDraining: () => undefined, onOverdue: () => undefined },
  });
  const restart = () => {
    const built = new FakePipeline(undefined, 'ready');
    line.restart('replace', (generation) => Object.assign(built, { generation }));
    return built;
  };
  return {
    ...{ store, sessions, line, restart },
    async call(pipeline: FakePipeline) {
      const transport = new MemoryTransport();
      const opened = await sessions.registry.open({
        ...{ transport, pipeline, notices: true },
        enter: (session) => line.enter(pipeline, session),
      });
      await settle();
      return { transport, opened };
    },
    async over() {
      await settle();
      await sessions.clock.advance(200_000);
    },
    rows: async () =>
      (await store.listSessions()).map(({ generation, state, reason }) => ({ generation, state, reason })),
  };
}

test('a call that a restart finds is answered, closed and recorded by the pipeline that it began with', async () => {
  const { restart, call, line, over, rows, sessions } = world();
  const first = restart();
  const { transport } = await call(first);
  const second = restart();
  for (const event of ask) transport.says(event);
  await settle();
  expect(transport.all('response.done')).toHaveLength(1);
  expect([first.ledger.answersBegun, second.ledger.answersBegun]).toEqual([1, 0]);
  const { transport: next } = await call(second);
  expect(line.list().map(({ number, users }) => [number, users])).toEqual([
    [1, 1],
    [2, 1],
  ]);
  transport.gone(1000);
  await over();
  expect([first.ledger.closed, second.ledger.closed]).toEqual([1, 0]);
  expect(line.list().map(({ number, users }) => [number, users])).toEqual([[2, 1]]);
  next.gone(1000);
  await over();
  for (const pipeline of [first, second]) sessions.expectNothingLeft(pipeline);
  expect(await rows()).toEqual([
    { generation: 2, state: 'closed', reason: 'client_left' },
    { generation: 1, state: 'closed', reason: 'client_left' },
  ]);
  line.close();
});

const fault = () => {
  throw new GreenroomError('internal_error', 'it was not to be');
};
const tape = { begin: () => undefined, heard: () => undefined, told: () => undefined, ask: () => undefined };

test.each<[string, SessionWorldOptions, (pipeline: FakePipeline) => void]>([
  ['the tape', { openTape: fault }, () => undefined],
  [
    'the tape’s beginning',
    { openTape: () => ({ ...tape, begin: fault, end: () => undefined }) },
    () => undefined,
  ],
  ['the record', { records: () => fault }, () => undefined],
  ['the record’s opening', { records: () => (of) => ({ ...noRecords(of), opened: fault }) }, () => undefined],
  [
    'the pipeline’s part',
    {},
    (pipeline) => {
      pipeline.openFailure = new Error('it was not to be');
    },
  ],
  [
    'the conversation',
    {},
    (pipeline) => void Object.defineProperty(pipeline, 'abilities', { get: fault, configurable: true }),
  ],
])(
  'a set-up that fails with %s leaves nothing, and its place is free again',
  async (_what, options, harm) => {
    let ends = 0;
    const { openTape } = options;
    const counted: SessionWorldOptions['openTape'] = (of) => {
      const opened = openTape?.(of) ?? { ...tape, end: () => undefined };
      return {
        ...opened,
        end(reason) {
          ends += 1;
          opened.end(reason);
        },
      };
    };
    const it = world({ ...options, openTape: counted, sessionsMax: 1 });
    const pipeline = it.restart();
    harm(pipeline);
    for (const round of [1, 2]) {
      const { transport, opened } = await it.call(pipeline);
      // Not that there is no place.
      expect(opened, `round ${round}`).toMatchObject({ message: 'it was not to be' });
      expect(transport.sent.at(-1)).toMatchObject({ type: 'error', error: { message: 'it was not to be' } });
      expect(transport.closedWith?.code).toBe(1011);
      expect(transport.state).toBe('closed');
      expect(it.sessions.faults.splice(0)).toHaveLength(1);
    }
    await it.over();
    expect(it.line.list()).toMatchObject([{ number: 1, users: 0 }]);
    expect(ends).toBe(openTape === fault ? 0 : 2);
    expect((await it.rows()).filter(({ state }) => state === 'open')).toEqual([]);
    it.sessions.expectNothingLeft(pipeline);
    it.line.close();
  },
);

test('a caller that leaves while WebM is played: its decoder and its files are closed, and nothing plays', async () => {
  await using folder = await testFolder();
  const decoders = new Decoders({ file: shippedFile('decoding') });
  try {
    const it = new PlaybackWorld(folder, undefined, decoders);
    const bytes = await readFile(tonePath);
    const recording = await it.take({ webm: { bytes, samples: 141_120 }, events: null });
    const { transport, session } = await it.call();
    const { id } = await it.start(recording, { speed: 0.5, sessionId: session });
    await it.until(() => it.desk.find(id).positionMs > 0, 'the first second');
    expect(decoders.count).toBe(1);
    transport.gone();
    expect(await it.ended(id, 1)).toBe('stopped');
    expect(it.desk.list()).toEqual([]);
    await it.until(() => decoders.count === 0, 'the decoder to be closed', 1);
    await it.expectNothingLeft(transport);
  } finally {
    await decoders.close();
  }
});

test('what ends a session ends it once: its caller, a restart, the gateway and they again, in one turn of the loop', async () => {
  const { restart, call, line, over, rows, sessions } = world();
  const pipeline = restart();
  const { transport } = await call(pipeline);
  for (const event of ask) transport.says(event);
  restart();
  const [open] = sessions.registry.answeredBy(pipeline);
  const late = new GreenroomError('pipeline_restarted', 'it has had its time');
  const ends = [
    () => transport.gone(1000),
    () => open?.end('restarted', late),
    () => void sessions.root.close('server_shutdown'),
  ];
  for (const end of [...ends, ...ends]) end();
  await over();
  for (const end of ends) end();
  await over();
  expect(pipeline.ledger).toMatchObject({ opened: 1, closed: 1 });
  expect(line.list()).toMatchObject([{ number: 2, users: 0 }]);
  expect(await rows()).toEqual([{ generation: 1, state: 'closed', reason: 'client_left' }]);
  sessions.expectNothingLeft(pipeline);
  line.close();
});
