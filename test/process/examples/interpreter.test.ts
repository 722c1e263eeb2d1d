// The interpreter of examples/ on its real engines: English speech in, Spanish speech out; the record has both. And with
// each of its engines killed in mid-turn, with a direction that changes, and with two callers at once.
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base64ToBytes, bytesToPcm } from '../../../src/audio/pcm.ts';
import { Caller } from '../../support/caller.ts';
import { debianProblem } from '../../support/debian.ts';
import { GatewayEngine } from '../../support/gateway-engine.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { until } from '../../support/poll.ts';
import { spoken } from './spoken.ts';

const problem = debianProblem();
const title = problem ? `the interpreter (skipped: ${problem})` : 'the interpreter';
const config = fileURLToPath(new URL('../../../examples/interpreter/greenroom.yaml', import.meta.url));
const dogs = 'We have three dogs and a cat.';
const morning = 'Good morning.';

describe.skipIf(problem)(title, () => {
  let gateway: GatewayProcess;
  const engine = (name: string) => new GatewayEngine(gateway, name);

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      // A voice for the caller: its English is understood.
      args: ['-c', config, '--data', '.greenroom', '--set', 'engines.caller.builtin=flite'],
      env: { PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    });
    await gateway.event('ready', undefined, 40_000);
  });
  afterAll(async () => gateway?.[Symbol.asyncDispose]());

  async function call(query = ''): Promise<Caller> {
    const caller = await Caller.call(await gateway.url(), `?notices=1${query}`);
    await caller.lobby('ready');
    return caller;
  }

  /** The answer with this number, once it has ended. */
  function answer(caller: Caller, number = 1) {
    return until(() => caller.all('response.done')[number - 1], {
      timeoutMs: 30_000,
      what: `answer ${number} (so far: ${caller.events.map(({ type }) => type).join(' ')})`,
    });
  }

  const saying = (words: RegExp) => ({
    response: { status: 'completed', output: [{ content: [{ transcript: expect.stringMatching(words) }] }] },
  });

  function heardOf(caller: Caller): Int16Array {
    const deltas = caller.all('response.output_audio.delta').map(({ delta }) => String(delta));
    return Int16Array.from(deltas.flatMap((delta) => [...bytesToPcm(base64ToBytes(delta))]));
  }

  function recorded(): readonly object[] {
    const store = new DatabaseSync(join(gateway.folder.path, '.greenroom', 'greenroom.db'), {
      readOnly: true,
    });
    try {
      return store.prepare('SELECT role, status, text FROM items ORDER BY session_id, seq').all();
    } finally {
      store.close();
    }
  }

  test('English speech comes back as Spanish speech; both are written down', async () => {
    const caller = await call();
    caller.send(await spoken(gateway, 'caller', dogs));
    expect(await answer(caller)).toMatchObject(saying(/tres perros y un gato/i));
    const transcript = await caller.event('conversation.item.input_audio_transcription.completed');
    expect(transcript).toMatchObject({ transcript: 'we have three dogs and a cat' });
    const samples = heardOf(caller);
    expect(samples.length / 24_000).toBeGreaterThan(1);
    expect(samples.length / 24_000).toBeLessThan(6);
    const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    expect(level).toBeGreaterThan(500);
    await caller[Symbol.asyncDispose]();
    await until(() => recorded().length === 2, { timeoutMs: 5000, what: 'both to be in the record' });
    expect(recorded()).toEqual([
      { role: 'user', status: 'completed', text: 'we have three dogs and a cat' },
      { role: 'assistant', status: 'completed', text: expect.stringMatching(/tres perros y un gato/i) },
    ]);
  });

  test('a session that runs changes its direction; the answer under way keeps the one it began with', async () => {
    await using caller = await call();
    caller.say(dogs);
    caller.send({
      type: 'session.update',
      session: { type: 'realtime', instructions: 'Translate from Spanish to English' },
    });
    expect(await answer(caller, 1)).toMatchObject(saying(/tres perros y un gato/i));
    caller.say('La casa es grande.');
    expect(await answer(caller, 2)).toMatchObject(saying(/the house is big/i));
    await using back = await call('&model=back');
    back.say('Tenemos tres perros.');
    expect(await answer(back)).toMatchObject(saying(/have three dogs/i));
  });

  test('a direction that nobody knows is told, and changes nothing for what follows', async () => {
    await using caller = await call();
    const instruct = (instructions: string) =>
      caller.send({ type: 'session.update', session: { type: 'realtime', instructions } });
    instruct('Translate from English to French');
    caller.say(morning);
    const failed = await answer(caller, 1);
    expect(failed).toMatchObject({ response: { status: 'failed' } });
    expect(JSON.stringify(failed)).toContain('not from English to French: eng-spa, spa-eng');
    instruct('Translate from English to Spanish');
    caller.say(dogs);
    expect(await answer(caller, 2)).toMatchObject(saying(/tres perros/i));
  });

  test('two callers at once get their own', async () => {
    await using one = await call();
    await using other = await call();
    const [first, second] = [await spoken(gateway, 'caller', dogs), await spoken(gateway, 'caller', morning)];
    one.send(first);
    other.send(second);
    expect(await answer(one)).toMatchObject(saying(/^tenemos tres perros y un gato\W*$/i));
    expect(await answer(other)).toMatchObject(saying(/^buenos días\W*$/i));
  });

  // The last: each leaves an engine that was started anew.
  test.each(['ears', 'translator', 'voice'])(
    '%s killed in mid-turn is told; the next turn works',
    async (name) => {
      await using caller = await call();
      const turn = await spoken(gateway, 'caller', morning);
      const { pid, attempt } = await engine(name).reaches('ready', undefined, 20_000);
      // It takes the call and says nothing, until it is killed.
      process.kill(Number(pid), 'SIGSTOP');
      caller.send(turn);
      await engine(name).shows(({ activeCalls }) => activeCalls === 1, 'to have a call');
      process.kill(Number(pid), 'SIGKILL');
      expect(await answer(caller, 1)).toMatchObject({
        response: { status: 'failed', status_details: { error: { code: 'engine_exited' } } },
      });
      if (name === 'ears') await caller.event('conversation.item.input_audio_transcription.failed');
      await engine(name).reaches('ready', attempt + 1, 20_000);
      caller.send(turn);
      expect(await answer(caller, 2)).toMatchObject(saying(/buenos días/i));
      expect(caller.closed).toBeUndefined();
    },
  );
});
