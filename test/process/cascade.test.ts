// A conversation from real engines: a caller who speaks (flite) is heard by a worker, thought about by llama.cpp, answered
// by flite; the record has what was said. And the same with engines that fail.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { bytesToBase64, pcmToBytes } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import { parseWav } from '../../src/audio/wav.ts';
import { faultyEngine } from '../../src/testing/faulty-engine.ts';
import { tinyModel } from '../../src/testing/gguf/tiny-model.ts';
import { Caller } from '../support/caller.ts';
import { GatewayEngine } from '../support/gateway-engine.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { llamaProblem } from './llama/llama-process.ts';

const problem = llamaProblem();

const said = 'What time is it?';
const thought = 'It is half past nine. The train leaves at ten, from platform two. Do not be late!';

function start(mind: object, ears: object = {}): Promise<GatewayProcess> {
  return GatewayProcess.start({
    prepare: async (folder) => {
      await folder.write('mind.gguf', tinyModel({ behaviour: { kind: 'says', text: thought } }));
    },
    config: {
      engines: {
        ears: { worker: fixture('engines/ears.mjs'), isolate: 'thread', options: { text: said, ...ears } },
        mind,
        voice: { builtin: 'flite' },
        activity: { builtin: 'silero' },
      },
      pipelines: {
        default: { kind: 'cascade', hear: 'ears', think: 'mind', speak: 'voice', instructions: 'Be brief.' },
        typed: { kind: 'cascade', think: 'mind' },
      },
      log: { level: 'debug' },
    },
  });
}

/** A line as flite says it, between silences, as appends of PCM16 at 24 kHz. */
async function spoken(gateway: GatewayProcess, text = said): Promise<object> {
  const response = await fetch(`${await gateway.url()}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'voice', input: text, response_format: 'wav' }),
  });
  const { pcm, rateHz } = parseWav(new Uint8Array(await response.arrayBuffer()));
  const speech = resample(pcm, rateHz, 24_000);
  const turn = new Int16Array(speech.length + 28_800);
  turn.set(speech, 4800);
  return { type: 'input_audio_buffer.append', audio: bytesToBase64(pcmToBytes(turn)) };
}

/** Its lines that have this number. */
async function logged(gateway: GatewayProcess, number: string): Promise<readonly Record<string, number>[]> {
  const text = await readFile(join(gateway.folder.path, '.greenroom', 'logs', 'greenroom.log'), 'utf8');
  const lines = text.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, number>).filter((line) => number in line);
}

function answers(caller: Caller, count: number) {
  return until(
    () => (caller.all('response.done').length >= count ? caller.all('response.done') : undefined),
    {
      timeoutMs: 20_000,
      what: `${count} answers (so far: ${caller.events.map(({ type }) => type).join(' ')})`,
    },
  );
}

const llama = { builtin: 'llama', model: 'mind.gguf' };
const title = problem ? `a cascade over llama.cpp (skipped: ${problem})` : 'a cascade over llama.cpp';

describe.skipIf(problem)(title, () => {
  test('who speaks gets a transcript, a text and its speech back; the record has it all', async () => {
    await using gateway = await start(llama);
    const caller = await Caller.call(await gateway.url());
    await caller.lobby('ready');
    expect(await caller.event('session.created')).toMatchObject({
      session: { instructions: 'Be brief.', audio: { input: { transcription: { model: 'ears' } } } },
    });
    caller.send(await spoken(gateway));
    const [done] = await answers(caller, 1);
    expect(done).toMatchObject({
      response: {
        status: 'completed',
        output: [{ role: 'assistant', content: [{ type: 'output_audio', transcript: thought }] }],
        usage: { output_tokens: expect.any(Number) },
      },
    });
    const transcript = await caller.event('conversation.item.input_audio_transcription.completed');
    expect(transcript).toMatchObject({ transcript: said });
    expect(caller.samples / 24_000).toBeGreaterThan(4);
    // Its sentences came one by one, each with its own speech.
    expect(caller.all('response.output_audio_transcript.delta').length).toBeGreaterThanOrEqual(3);
    await caller[Symbol.asyncDispose]();
    const [stages] = await until(
      async () => {
        const lines = await logged(gateway, 'firstAudioMs');
        return lines.length > 0 ? lines : undefined;
      },
      { timeoutMs: 5000, what: 'the stages in the log' },
    );
    expect(stages?.['firstAudioMs']).toBeGreaterThanOrEqual(stages?.['firstTokenMs'] ?? Number.NaN);
    gateway.child.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    const store = new DatabaseSync(join(gateway.folder.path, '.greenroom', 'greenroom.db'), {
      readOnly: true,
    });
    try {
      expect(store.prepare('SELECT role, status, text FROM items ORDER BY seq').all()).toEqual([
        { role: 'user', status: 'completed', text: said },
        { role: 'assistant', status: 'completed', text: thought },
      ]);
    } finally {
      store.close();
    }
  });

  test('where nothing hears or speaks, who types reads the answer, and is told of audio that nobody hears', async () => {
    await using gateway = await start(llama);
    await using caller = await Caller.call(await gateway.url(), '?notices=1&model=typed');
    expect(await caller.event('session.created')).toMatchObject({
      session: {
        output_modalities: ['text'],
        audio: { input: { turn_detection: null, transcription: null } },
      },
    });
    caller.send(await spoken(gateway));
    const error = await caller.event('error');
    expect(error).toMatchObject({ error: { code: 'audio_input_unsupported' } });
    caller.say(said);
    const [done] = await answers(caller, 1);
    expect(done).toMatchObject({
      response: { status: 'completed', output: [{ content: [{ type: 'output_text', text: thought }] }] },
    });
  });
});

describe('a cascade over engines that are slow or fail', () => {
  test('who speaks over an answer ends it, and the engine is asked for nothing of it any more', async () => {
    await using gateway = await start(faultyEngine({ tokenMs: 100, says: 'Wait. '.repeat(60) }));
    await using caller = await Caller.call(await gateway.url());
    await caller.lobby('ready');
    caller.send(await spoken(gateway));
    await caller.event('response.output_audio.delta');
    caller.send(await spoken(gateway));
    const [done] = await answers(caller, 1);
    expect(done).toMatchObject({
      response: { status: 'cancelled', status_details: { reason: 'turn_detected' } },
    });
    await until(() => caller.all('response.created').length === 2, {
      timeoutMs: 10_000,
      what: 'the next answer',
    });
    caller.send({ type: 'response.cancel' });
    await answers(caller, 2);
    const mind = new GatewayEngine(gateway, 'mind');
    await mind.shows(({ activeCalls }) => activeCalls === 0, 'to have no call', 3000);
  });

  test('an engine that dies in mid-answer fails that answer; the session goes on when it is back', async () => {
    await using gateway = await start(
      faultyEngine({ fault: 'dies-mid-stream', says: 'One is here. Two is here.' }),
    );
    await using caller = await Caller.call(await gateway.url());
    await caller.lobby('ready');
    for (const count of [1, 2]) {
      caller.send(await spoken(gateway));
      const done = (await answers(caller, count)).at(-1);
      expect(done).toMatchObject({
        response: { status: 'failed', status_details: { error: { code: 'engine_exited' } } },
      });
    }
    expect(caller.closed).toBeUndefined();
  });

  test('ears that are broken fail the answer, and are told of the item', async () => {
    await using gateway = await start(faultyEngine(), { fails: true });
    await using caller = await Caller.call(await gateway.url());
    await caller.lobby('ready');
    caller.send(await spoken(gateway));
    const failed = await caller.event('conversation.item.input_audio_transcription.failed');
    expect(failed).toMatchObject({ error: { message: expect.stringContaining('these ears are broken') } });
    const [done] = await answers(caller, 1);
    expect(done).toMatchObject({ response: { status: 'failed', output: [] } });
  });
});
