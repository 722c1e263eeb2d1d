// `kill -9` in the middle of whatever a session can be in the middle of. The next start marks what was cut, mends what can
// be played, and has lost nothing that anybody was shown as kept.
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { type TestFolder, testFolder } from '../support/folder.ts';
import { GatewayPipeline } from '../support/gateway-pipeline.ts';
import { fixture, type GatewayProcess } from '../support/gateway-process.ts';
import { notices, play, played, playing } from '../support/played.ts';
import { until } from '../support/poll.ts';
import {
  answered,
  leave,
  noise,
  post,
  quietCaller,
  speak,
  type Take,
  take,
  takes,
  up,
} from '../support/recorded.ts';

const config = {
  engines: {
    // Loads as the file `mode` in the folder of the gateway says.
    voice: {
      run: [process.execPath, fixture('engines/obeys-file.mjs'), '--port', '${port}'],
      offers: ['speak'],
    },
    mind: { worker: fixture('tasks/mind.mjs'), options: { assess: { waitMs: 60_000 } } },
    activity: { builtin: 'silero' },
  },
  pipelines: {
    default: { kind: 'echo', speak: 'voice', vad: 'activity' },
    helper: {
      ...{ kind: 'cascade', think: 'mind' },
      tasks: { assessment: { think: 'mind', instructions: 'ASSESS.' } },
    },
  },
};

const start = (folder: TestFolder) =>
  up(folder, { config, prepare: async (own) => void (await own.write('mode', 'good')) });

interface Kept {
  readonly id: string;
  readonly text: string;
  readonly status: string;
}

async function items(gateway: GatewayProcess, session: string): Promise<readonly Kept[]> {
  const { body } = await gateway.json(`/api/sessions/${session}/items?limit=100`);
  return (body as { readonly data: readonly Kept[] }).data;
}

/** What the API shows of it as complete. */
const complete = async (gateway: GatewayProcess, session: string) =>
  (await items(gateway, session)).filter(({ status }) => status === 'completed');

/** Of its record, as the disk has it. */
async function tasks(gateway: GatewayProcess, session: string) {
  const { body } = await gateway.json(`/api/sessions/${session}`);
  return (body as { readonly tasks?: readonly { readonly state: string }[] }).tasks ?? [];
}

/** Who is in the gateway when it is killed, in calls that have said something already. */
interface Scene {
  readonly gateway: GatewayProcess;
  readonly caller: Caller;
  readonly session: string;
  /** Of a call that is over. */
  readonly recordingId: string;
}

/** Resolves in the middle of it. */
type Middle = (scene: Scene) => Promise<unknown>;

const recording: Middle = async ({ gateway, caller, session }) => {
  speak(caller, noise(24_000), 960);
  return take(gateway, (one) => one.session === session && one.caller.samples >= 48_000);
};

const restart: Middle = async ({ gateway }) => {
  await gateway.folder.write('mode', 'hold');
  const pipeline = new GatewayPipeline(gateway);
  expect(await pipeline.restart({ mode: 'seamless', engines: true })).toMatchObject({ status: 202 });
  expect(await pipeline.generations()).toEqual([
    [1, 'current'],
    [2, 'building'],
  ]);
};

const playback: Middle = async ({ gateway, caller, session, recordingId }) => {
  await until(
    async () => (await play(gateway, { recordingId, speed: 0.5, sessionId: session })).status === 200,
    {
      ...{ timeoutMs: 10_000, what: 'the caller to be quiet' },
    },
  );
  await caller.event('greenroom.playback', ({ position_ms: at }) => Number(at) > 0);
  expect(notices(caller, 'finished')).toEqual([]);
};

const task: Middle = async ({ gateway }) => {
  await using caller = await Caller.call(await gateway.url(), '?notices=1&model=helper');
  const { session } = await caller.event('session.created');
  const { id } = session as { readonly id: string };
  await caller.lobby('ready');
  expect(await gateway.json(`/api/sessions/${id}/tasks/assessment`, { method: 'POST' })).toMatchObject({
    status: 202,
  });
  await until(async () => (await tasks(gateway, id))[0]?.state === 'started', {
    ...{ timeoutMs: 10_000, what: 'the task to be under way' },
  });
  await killed(gateway);
  return id;
};

async function killed(gateway: GatewayProcess): Promise<void> {
  expect(await leave(gateway, 'SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
}

test.each<[string, Middle]>([
  ['a recording', recording],
  ['a restart', restart],
  ['a playback', playback],
  ['a task', task],
])(
  'kill -9 in the middle of %s: what was cut is marked, what can be played plays, what was kept is there',
  async (what, middle) => {
    await using folder = await testFolder();
    const shown = new Map<string, readonly Kept[]>();
    let heard: Take | undefined;
    let ended = '';
    let open = '';
    let background: unknown;
    {
      await using gateway = await start(folder);
      await gateway.event('ready');
      const over = await quietCaller(gateway);
      ended = over.session;
      await post(gateway, ended, true);
      speak(over.caller, noise(48_000), 960);
      await answered(over.caller, 'that was said before');
      await over.caller[Symbol.asyncDispose]();
      const { id: recordingId } = await take(gateway, ({ state }) => state === 'finished');
      const there = await quietCaller(gateway);
      await using caller = there.caller;
      open = there.session;
      await post(gateway, open, true);
      speak(caller, noise(24_000), 960);
      await answered(caller, 'and that just now');
      for (const session of [ended, open]) {
        await until(async () => (await complete(gateway, session)).length === 2, {
          ...{ timeoutMs: 10_000, what: `what was said in ${session}` },
        });
        shown.set(session, await complete(gateway, session));
      }
      await take(gateway, (one) => one.session === open && one.caller.samples >= 24_000);
      background = await middle({ gateway, caller, session: open, recordingId });
      if (what !== 'a task') {
        heard = (await takes(gateway)).find((one) => one.session === open);
        await killed(gateway);
      }
    }

    await using next = await start(folder);
    await next.event('ready');
    const { body } = await next.json('/api/sessions?state=all');
    const sessions = (body as { data: readonly { id: string; state: string; generation: number }[] }).data;
    for (const { id, state, generation } of sessions)
      expect([id, state, generation]).toEqual([id, id === ended ? 'closed' : 'unclean', 1]);
    expect(sessions).toHaveLength(what === 'a task' ? 3 : 2);
    for (const [session, before] of shown) expect(await complete(next, session)).toEqual(before);
    if (what === 'a task') {
      expect(await tasks(next, String(background))).toMatchObject([{ state: 'unclean' }]);
    }
    expect(await playing(next)).toEqual([]);
    expect(await new GatewayPipeline(next).generations()).toEqual([[1, 'current']]);

    const mended = await takes(next);
    expect(mended.map(({ session, state }) => [session, state]).sort()).toEqual(
      [
        [ended, 'finished'],
        [open, 'interrupted'],
      ].sort(),
    );
    for (const { id, session, caller } of mended) {
      expect(caller.samples).toBeGreaterThanOrEqual(
        session === ended ? 48_000 : (heard?.caller.samples ?? 24_000),
      );
      const started = await play(next, { recordingId: id, speed: 0 });
      expect(started).toMatchObject({ status: 200 });
      expect(await played(next, (started.body as { readonly id: string }).id)).toMatchObject({
        state: 'finished',
      });
    }
    const again = await quietCaller(next);
    await using caller = again.caller;
    await answered(caller, 'are you there');
  },
  120_000,
);
