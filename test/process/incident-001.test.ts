// A day when what a caller had begun was not ended with them: playbacks that spoke on into nothing, calls that were
// closed by a pipeline that had never opened them, and a `quit` that ended nobody. The whole round, at a real terminal,
// as a person would try it; which test has which single case of that day stands in unit/sessions/incident-001.test.ts.
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { pcmToBase64 } from '../../src/audio/pcm.ts';
import type { TreeNode } from '../../src/lifecycle/report.ts';
import { Caller } from '../support/caller.ts';
import { speech } from '../support/cascade-process.ts';
import { testFolder } from '../support/folder.ts';
import { GatewayPipeline } from '../support/gateway-pipeline.ts';
import { bin, fixture, type GatewayAsked } from '../support/gateway-process.ts';
import { conversation, notices, play, played, playing } from '../support/played.ts';
import { until } from '../support/poll.ts';
import { processesWith } from '../support/processes.ts';
import { post, take } from '../support/recorded.ts';
import { Terminal } from '../support/terminal.ts';

const config = {
  engines: {
    ears: { worker: fixture('engines/ears.mjs'), options: { text: 'is anybody there' } },
    mind: { worker: fixture('engines/scripted.mjs') },
    voice: { builtin: 'flite' },
    activity: { builtin: 'silero' },
  },
  pipelines: {
    default: { kind: 'cascade', hear: 'ears', think: 'mind', speak: 'voice', instructions: 'Ada:' },
  },
};

interface Ended {
  readonly id: string;
  readonly generation: number;
  readonly state: string;
}

/** What is open, by name: without times and numbers, which are others each time. */
function shapeOf({ name, kind, children = [] }: TreeNode): unknown {
  const inside = children.map(shapeOf).map((each) => JSON.stringify(each));
  return { kind, name: name.replace(/\d+/g, 'n'), inside: inside.sort() };
}

/** A gateway at a terminal, asked over its API. */
function askedOf(terminal: Terminal): GatewayAsked {
  const url = async () => {
    const text = await readFile(join(terminal.folder.path, '.greenroom', 'gateway.json'), 'utf8');
    return (JSON.parse(text) as { readonly url: string }).url;
  };
  return {
    url,
    async json(path, init) {
      const response = await fetch(`${await url()}${path}`, init);
      return { status: response.status, body: (await response.json()) as never };
    },
  };
}

async function call(gateway: GatewayAsked): Promise<{ readonly caller: Caller; readonly session: string }> {
  const caller = await Caller.call(await gateway.url());
  const { session } = await caller.event('session.created');
  await caller.lobby('ready');
  return { caller, session: (session as { readonly id: string }).id };
}

/** Says a line aloud, as a microphone would, and waits until it is answered. */
async function speaks(gateway: GatewayAsked, caller: Caller): Promise<void> {
  const turns = caller.all('response.done').length;
  const pcm = await speech(gateway, 'Is anybody there?');
  for (let at = 0; at < pcm.length; at += 4800)
    caller.send({ type: 'input_audio_buffer.append', audio: pcmToBase64(pcm.slice(at, at + 4800)) });
  await until(() => caller.all('response.done').length > turns, { timeoutMs: 40_000, what: 'the answer' });
}

const said = ['user: is anybody there', 'assistant: Ada: You said: is anybody there.'];

test('listen, record, play, be lost while it plays, come back, restart, quit: one owner each, and nothing is left', async () => {
  await using own = await testFolder();
  const file = await own.write('greenroom.json', JSON.stringify(config));
  const mark = `GREENROOM_TEST_GATEWAY=${randomUUID()}`;
  const [name = '', value = ''] = mark.split('=');
  await using terminal = await Terminal.run(
    [process.execPath, bin, 'up', '--listen', '127.0.0.1:0', '--no-discover', '--config', file],
    { [name]: value },
  );
  await terminal.shows('greenroom> ');
  const gateway = askedOf(terminal);
  const pipeline = new GatewayPipeline(gateway);
  await pipeline.shows(({ state }) => state === 'ready', 'to be ready', 30_000);
  const tree = async () => (await gateway.json('/api/tree')).body as TreeNode;
  const open = async () => ((await gateway.json('/api/sessions')).body as { data: readonly object[] }).data;
  const baseline = JSON.stringify(shapeOf(await tree()));
  const backAtBaseline = async (what: string) => {
    await until(async () => JSON.stringify(shapeOf(await tree())) === baseline, {
      timeoutMs: 10_000,
      what: `the tree as it was, ${what}`,
    });
    expect(await open()).toEqual([]);
    expect(await playing(gateway)).toEqual([]);
  };

  // Listen and record.
  const first = await call(gateway);
  await using _first = first.caller;
  expect(await post(gateway, first.session, true)).toMatchObject({ status: 200, body: { state: 'on' } });
  await speaks(gateway, first.caller);
  expect(conversation(first.caller.events)).toEqual(said);
  expect(await post(gateway, first.session, false)).toMatchObject({ status: 200, body: { state: 'off' } });
  const { id: recordingId } = await take(gateway, ({ state }) => state === 'finished');

  // Play it, and be lost in the middle of that.
  const started = await until(
    async () => {
      const asked = { recordingId, mode: 'full', speed: 0.5, sessionId: first.session };
      const answer = await play(gateway, asked);
      return answer.status === 200 ? (answer.body as { readonly id: string }) : undefined;
    },
    { timeoutMs: 10_000, what: 'the caller to be quiet' },
  );
  await first.caller.event('greenroom.playback', ({ position_ms: at }) => Number(at) > 0);
  expect(JSON.stringify(await tree())).toContain(started.id);
  first.caller.socket.terminate();
  expect(await played(gateway, started.id)).toMatchObject({ state: 'stopped' });
  await backAtBaseline('when its caller was lost while it played');

  // Come back: nothing of before is there, and it works.
  const second = await call(gateway);
  await using _second = second.caller;
  expect(second.session).not.toBe(first.session);
  expect(await open()).toMatchObject([{ id: second.session, generation: 1 }]);
  expect(notices(second.caller)).toEqual([]);
  await speaks(gateway, second.caller);
  expect(conversation(second.caller.events)).toEqual(said);

  // Restart under it: it keeps what it has, who comes gets the next.
  const before = await processesWith(mark);
  terminal.pty.write('restart --engines\r');
  await terminal.shows('pipeline default: generation 2 is current');
  await second.caller.event('greenroom.notice', ({ code }) => code === 'pipeline_restarted');
  const third = await call(gateway);
  await using _third = third.caller;
  expect(await open()).toMatchObject([{ generation: 2 }, { generation: 1 }]);
  await speaks(gateway, third.caller);
  expect(conversation(third.caller.events)).toEqual(said);
  second.caller.say('still');
  await until(() => second.caller.all('response.done').length === 2, {
    ...{ timeoutMs: 20_000, what: 'the answer of the generation before' },
  });
  second.caller.socket.close();
  await pipeline.shows(({ generations }) => generations.length === 1, 'to have one generation');
  // Its engines have gone with the last who asked them.
  await until(async () => (await processesWith(mark)).length === before.length, {
    ...{ timeoutMs: 10_000, what: 'the engines of before to be gone' },
  });
  third.caller.socket.close();
  await backAtBaseline('when the last caller has gone');
  const ended = (await gateway.json('/api/sessions?state=ended')).body as { readonly data: readonly Ended[] };
  expect(ended.data.map(({ id, generation, state }) => [id, generation, state])).toEqual([
    [third.session, 2, 'closed'],
    [second.session, 1, 'closed'],
    [first.session, 1, 'closed'],
  ]);

  // Quit: the path that every leaving takes.
  terminal.pty.write('quit\r');
  expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  expect(terminal.text).toContain('leaving (quit)');
  expect(terminal.text).toMatch(/left in .*exit code 0/);
  await until(async () => (await processesWith(mark)).length === 0, {
    timeoutMs: 5000,
    what: 'every process of it to be gone',
  });
  const data = join(terminal.folder.path, '.greenroom');
  // The database was closed: nothing of it waits beside it. Nobody is said to be there.
  const left = await readdir(data);
  expect(left.filter((one) => /-wal$|-shm$|^gateway\.json$/.test(one))).toEqual([]);
  const store = new DatabaseSync(join(data, 'greenroom.db'), { readOnly: true });
  try {
    const rows = store.prepare('SELECT state, reason FROM sessions ORDER BY seq').all();
    expect(rows).toMatchObject([
      { state: 'closed', reason: 'client_left' },
      { state: 'closed', reason: 'client_left' },
      { state: 'closed', reason: 'client_left' },
    ]);
    expect(store.prepare('SELECT count(*) AS open FROM engine_runs WHERE ended_at IS NULL').get()).toEqual({
      open: 0,
    });
  } finally {
    store.close();
  }
}, 180_000);
