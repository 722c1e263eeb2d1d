// Engines of a cascade that are killed (-9) in the middle of a turn, each in its stage: the turn fails with the code and
// the facts, nobody else notices, and the next turn is answered by the engine's next run.
import { expect, test } from 'vitest';
import { bytesToBase64, pcmToBytes } from '../../src/audio/pcm.ts';
import { Caller, type WireEvent } from '../support/caller.ts';
import { GatewayEngine } from '../support/gateway-engine.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const stage = (options: object = {}) => ({ worker: fixture('engines/slow-stage.mjs'), options });
const never = 3_600_000;

/** Something loud enough to be written down; taken by hand, so that no voice is needed. */
function speaks(caller: Caller): void {
  const pcm = Int16Array.from({ length: 12_000 }, (_, at) => ((at * 7919) % 20_000) - 10_000);
  caller.send({ type: 'input_audio_buffer.append', audio: bytesToBase64(pcmToBytes(pcm)) });
  caller.send({ type: 'input_audio_buffer.commit' });
  caller.send({ type: 'response.create' });
}

async function call(gateway: GatewayProcess, pipeline: string): Promise<Caller> {
  const caller = await Caller.call(await gateway.url(), `?notices=1&model=${pipeline}`);
  await caller.lobby('ready');
  caller.send({ type: 'session.update', session: { audio: { input: { turn_detection: null } } } });
  return caller;
}

interface Done {
  readonly status: string;
  readonly status_details: { readonly error?: { readonly code: string; readonly message: string } } | null;
  readonly output: readonly { readonly content: readonly { readonly transcript: string | null }[] }[];
}

async function answer(caller: Caller, count: number): Promise<Done> {
  const done = await until(() => caller.all('response.done')[count - 1], {
    timeoutMs: 20_000,
    what: `answer ${count} (so far: ${caller.events.map(({ type }) => type).join(' ')})`,
  });
  return (done as WireEvent & { readonly response: Done }).response;
}

/** Where the first call of a run hangs, and what shows that it is there. */
const kills = [
  ['ears', { first: never }, 'input_audio_buffer.committed'],
  ['mind', { first: never }, 'response.created'],
  ['mind', { first: 0, every: never }, 'response.output_audio.delta'],
  ['voice', { first: never }, 'response.created'],
  ['voice', { first: 0, every: never }, 'response.output_audio.delta'],
] as const;

test.each(kills)('%s, %o, after %s', async (name, slow, sign) => {
  await using gateway = await GatewayProcess.start({
    config: {
      engines: {
        ...{ ears: stage(), mind: stage(), voice: stage(), [name]: stage(slow) },
        ...{ fast: stage(), activity: { builtin: 'silero' } },
      },
      pipelines: {
        default: { kind: 'cascade', hear: 'ears', think: 'mind', speak: 'voice' },
        other: { kind: 'cascade', hear: 'fast', think: 'fast', speak: 'fast' },
      },
    },
  });
  await using caller = await call(gateway, 'default');
  await using other = await call(gateway, 'other');
  speaks(caller);
  await caller.event(sign);
  const engine = new GatewayEngine(gateway, name);
  const { pid } = await engine.shows(({ activeCalls }) => activeCalls > 0, 'to have a call');
  speaks(other);
  process.kill(pid ?? 0, 'SIGKILL');
  const failed = await answer(caller, 1);
  expect(failed).toMatchObject({ status: 'failed', status_details: { error: { code: 'engine_exited' } } });
  expect(failed.status_details?.error?.message).toContain(`engine ${name}`);
  expect(await answer(other, 1)).toMatchObject({ status: 'completed' });
  const { pid: nextPid } = await engine.reaches('ready', 2);
  expect(nextPid).not.toBe(pid);
  // The next run hangs in its first call as well; whoever asks is the second.
  const before = caller.events.length;
  speaks(caller);
  await until(() => caller.events.slice(before).some(({ type }) => type === sign), {
    timeoutMs: 10_000,
    what: `${sign} again`,
  });
  await engine.shows(({ activeCalls }) => activeCalls > 0, 'to be asked again');
  if (name === 'ears') caller.send({ type: 'conversation.item.delete', item_id: itemOf(caller) });
  caller.send({ type: 'response.cancel' });
  await answer(caller, 2);
  speaks(caller);
  const answered = await answer(caller, 3);
  expect(answered).toMatchObject({ status: 'completed' });
  const said = answered.output[0]?.content[0]?.transcript ?? '';
  expect(said.match(/Thought \d/g)).toEqual(['Thought 0', 'Thought 1', 'Thought 2', 'Thought 3']);
  if (name === 'mind') expect(said).toContain(`of ${nextPid}`);
  expect(caller.closed).toBeUndefined();
});

const itemOf = (caller: Caller): unknown => caller.all('input_audio_buffer.committed').at(-1)?.['item_id'];
