// The engines of examples/interpreter, each asked for itself: what it answers, what it refuses, how it lets go of a caller
// who has left, and how it ends.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeWav } from '../../../src/audio/wav.ts';
import { debianProblem } from '../../support/debian.ts';
import { until } from '../../support/poll.ts';
import { alive, commandOf } from '../../support/processes.ts';
import { EngineProcess } from './engine-process.ts';

const problem = debianProblem();
const title = (what: string) => (problem ? `${what} (skipped: ${problem})` : what);
const chat = '/v1/chat/completions';
const asking = (content: string) => ({ messages: [{ role: 'user', content }] });
/** Some seconds of work for apertium. */
const long = 'The house is big and the dog is small. '.repeat(20_000);

/** Those that write what apertium has translated to Spanish; of each call one. */
async function lastStages(engine: EngineProcess): Promise<readonly number[]> {
  const pids = await engine.programs();
  const commands = await Promise.all(pids.map(commandOf));
  return pids.filter((_, at) => commands[at]?.some((word) => word.endsWith('/eng-spa.t3x.bin')));
}

test.each(['ears', 'translator', 'voice'])(
  '%s without its programs ends at once, with the line that installs them',
  async (name) => {
    await using engine = await EngineProcess.start(name, '/nowhere');
    expect(await engine.ended).toEqual({ code: 1, signal: null });
    expect(engine.output).toMatch(/^not found: .*; install with: apt install /);
  },
);

describe.skipIf(problem)(title('an engine of the interpreter'), () => {
  let ears: EngineProcess;
  let translator: EngineProcess;
  let voice: EngineProcess;
  beforeAll(async () => {
    [ears, translator, voice] = await Promise.all([
      EngineProcess.listening('ears'),
      EngineProcess.listening('translator'),
      EngineProcess.listening('voice'),
    ]);
  });
  afterAll(async () => {
    await Promise.all([ears, translator, voice].map((engine) => engine?.[Symbol.asyncDispose]()));
  });

  test('says which models it has', async () => {
    const response = await fetch(`${translator.url}/v1/models`);
    expect(await response.json()).toMatchObject({
      object: 'list',
      data: [
        { id: 'eng-spa', object: 'model' },
        { id: 'spa-eng', object: 'model' },
      ],
    });
  });

  test('translates whole and streamed, in the direction of the instructions, else of the model', async () => {
    const whole = await (await translator.post(chat, asking('We have three dogs.'))).json();
    expect(whole).toMatchObject({
      choices: [
        {
          message: { role: 'assistant', content: expect.stringMatching(/tres perros/i) },
          finish_reason: 'stop',
        },
      ],
    });
    const parts = [{ type: 'text', text: 'Tenemos tres perros.' }];
    const asked = { model: 'spa-eng', stream: true, messages: [{ role: 'user', content: parts }] };
    const streamed = await (await translator.post(chat, asked)).text();
    expect(streamed).toMatch(/three dogs/i);
    expect(streamed).toMatch(/"finish_reason":"stop".*\n\ndata: \[DONE\]\n\n$/);
  });

  test('speaks, as WAV or as samples of the rate that it says; faster where that is asked for', async () => {
    const said = async (more: object) => {
      const response = await voice.post('/v1/audio/speech', { input: 'Buenos días', ...more });
      return { type: response.headers.get('content-type'), bytes: (await response.arrayBuffer()).byteLength };
    };
    const wav = await said({ voice: 'alloy' });
    expect(wav.type).toBe('audio/wav');
    const pcm = await said({ response_format: 'pcm' });
    expect(pcm).toEqual({ type: 'audio/pcm;rate=22050', bytes: wav.bytes - 44 });
    expect((await said({ speed: 2 })).bytes).toBeLessThan(wav.bytes * 0.8);
  });

  test('hears nothing in silence, which is an answer', async () => {
    const form = new FormData();
    form.set('file', new Blob([writeWav(new Int16Array(24_000), 24_000) as Uint8Array<ArrayBuffer>]));
    const response = await ears.post('/v1/audio/transcriptions', form);
    expect(await response.json()).toEqual({ text: '' });
  });

  test('refuses what it cannot do, in the shape of OpenAI, and says what it can', async () => {
    const noWav = new FormData();
    noWav.set('file', new Blob(['no wav']));
    const refused = await Promise.all([
      translator.refusal(chat, 'no json'),
      translator.refusal(chat, { messages: [] }),
      translator.refusal(chat, {
        messages: [{ role: 'system', content: 'From French to Dutch' }, ...asking('x').messages],
      }),
      translator.refusal('/v1/embeddings', {}),
      voice.refusal('/v1/audio/speech', { input: ' ' }),
      voice.refusal('/v1/audio/speech', { input: 'Hola', voice: '../../etc' }),
      voice.refusal('/v1/audio/speech', { input: 'Hola', response_format: 'mp3' }),
      ears.refusal('/v1/audio/transcriptions', noWav),
      ears.refusal('/v1/audio/transcriptions', '{}'),
    ]);
    expect(refused.map(({ status, code }) => [status, code])).toEqual([
      [400, 'invalid_request'],
      [400, 'invalid_request'],
      [400, 'unsupported_direction'],
      [404, 'not_found'],
      [400, 'invalid_request'],
      [400, 'unknown_voice'],
      [400, 'unsupported_format'],
      [400, 'invalid_file'],
      [400, 'invalid_request'],
    ]);
    expect(new Set(refused.map(({ type }) => type))).toEqual(new Set(['invalid_request_error']));
    const large = await translator.post(chat, 'x'.repeat(26 * 1024 * 1024)).catch(() => undefined);
    expect(large?.status ?? 413).toBe(413);
    expect((await fetch(`${translator.url}/health`)).status).toBe(200);
  });

  test('a caller who leaves ends the program that works for him; who waits gets his turn', async () => {
    await using engine = await EngineProcess.listening('translator');
    const leaving = new AbortController();
    const calls = [1, 2].map(() => engine.post(chat, asking(long), leaving.signal).catch(() => 'left'));
    await engine.shows({ active: 2, waiting: 0 });
    const waiting = engine.post(chat, asking('We have three dogs.'));
    await engine.shows({ active: 2, waiting: 1 });
    const working = await until(
      async () => {
        const pids = await lastStages(engine);
        return pids.length === 2 ? pids : undefined;
      },
      { timeoutMs: 10_000, what: 'two to be translated for' },
    );
    leaving.abort();
    expect(await Promise.all(calls)).toEqual(['left', 'left']);
    // All of it would take many times as long.
    await until(() => working.every((pid) => !alive(pid)), {
      timeoutMs: 1500,
      what: 'its programs to be gone',
    });
    expect(JSON.stringify(await (await waiting).json())).toMatch(/tres perros/i);
  });

  test('takes two calls at a time, lets eight wait, and refuses one more', async () => {
    const leaving = new AbortController();
    const calls = Array.from({ length: 10 }, () =>
      translator.post(chat, asking(long), leaving.signal).catch(() => undefined),
    );
    await translator.shows({ active: 2, waiting: 8 });
    expect(await translator.refusal(chat, asking('One more.'))).toMatchObject({
      status: 503,
      code: 'engine_busy',
      type: 'server_error',
    });
    leaving.abort();
    await Promise.all(calls);
    await translator.shows({ active: 0, waiting: 0 });
    expect((await translator.post(chat, asking('Good morning.'))).status).toBe(200);
  });

  test('a program that is killed is told, and the next call works', async () => {
    const failing = translator.refusal(chat, asking(long));
    await translator.shows({ active: 1, waiting: 0 });
    await translator.killPrograms();
    expect(await failing).toMatchObject({
      status: 500,
      message: expect.stringContaining('ended with SIGKILL'),
    });
    expect((await translator.post(chat, asking('Good morning.'))).status).toBe(200);
  });

  test('told to end, it tells who is there, and leaves with its programs', async () => {
    await using engine = await EngineProcess.listening('translator');
    const told = engine.refusal(chat, asking(long));
    await engine.shows({ active: 1, waiting: 0 });
    engine.child.kill('SIGTERM');
    expect(await told).toMatchObject({ status: 503, code: 'server_shutdown' });
    expect(await engine.ended).toEqual({ code: 0, signal: null });
    await until(async () => (await engine.programs()).length === 0, { timeoutMs: 2000, what: 'no program' });
  });
});
