import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseWav, writeWav } from '../../../../src/audio/wav.ts';
import { microphone } from '../../../../src/cli/talk/recording.ts';
import { talk } from '../../../../src/cli/talk.ts';
import { type Clock, systemClock } from '../../../../src/lifecycle/clock.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';
import { testFolder } from '../../../support/folder.ts';
import { fakeGateway } from '../../client/fake-gateway.ts';
import { echo, greet, ready, speechWav, testIo } from '../fake-echo.ts';

/** Ten times as fast, so that a recording is over sooner. */
const fastClock: Clock = {
  now: () => systemClock.now() * 10,
  wallTime: () => systemClock.wallTime(),
  after: (ms, callback, options) => systemClock.after(ms / 10, callback, options),
  soon: (callback) => systemClock.soon(callback),
};

describe('a recording', () => {
  test('is sent in real time, its speech is told, its answer collected', async () => {
    await using folder = await testFolder();
    await folder.write('in.wav', speechWav());
    await using gateway = await fakeGateway(echo());
    const io = testIo(folder.path);
    const options = { url: gateway.url, file: 'in.wav', out: 'out.wav', json: true, timeoutMs: 20_000 };
    const beganMs = fastClock.now();
    expect(await talk(options, io, fastClock)).toBe(0);
    expect(fastClock.now() - beganMs).toBeGreaterThan(1000);
    const events = io.events();
    const [started, stopped] = events.filter(({ event }) => String(event).startsWith('speech'));
    expect(started).toMatchObject({ event: 'speech_started', ms: expect.closeTo(200, -2) });
    expect(stopped).toMatchObject({ event: 'speech_stopped', ms: expect.closeTo(1125, -2) });
    expect(events.find(({ event }) => event === 'answer')).toMatchObject({
      transcript: '(speech)',
      audioMs: 100,
    });
    expect(parseWav(await readFile(join(folder.path, 'out.wav'))).pcm).toHaveLength(2400);
    const lengths = gateway.calls[0]?.received.map(
      ({ audio }) => Buffer.from(audio as string, 'base64').length / 48,
    );
    expect(Math.max(...(lengths ?? []))).toBeLessThanOrEqual(40);
  });

  test('switches turn detection on where the pipeline has it off', async () => {
    await using folder = await testFolder();
    await folder.write('in.wav', speechWav());
    await using gateway = await fakeGateway(echo({ detection: 'off' }));
    const io = testIo(folder.path);
    expect(await talk({ url: gateway.url, file: 'in.wav', timeoutMs: 20_000 }, io, fastClock)).toBe(0);
    expect(gateway.calls[0]?.received[0]).toMatchObject({
      session: { audio: { input: { turn_detection: { type: 'server_vad', create_response: true } } } },
    });
  });

  test('for a pipeline that hears nothing is told at once, not waited for', async () => {
    await using folder = await testFolder();
    await folder.write('in.wav', speechWav());
    const deaf = { audio: { input: { turn_detection: null } } };
    await using gateway = await fakeGateway({
      onCall(call) {
        greet(call, deaf);
        call.send(ready);
      },
      onEvent: (_event, call) => call.send({ type: 'session.updated', session: { model: 'typed', ...deaf } }),
    });
    const io = testIo(folder.path);
    const code = await talk({ url: gateway.url, file: 'in.wav', timeoutMs: 20_000 }, io, fastClock);
    expect(code).toBe(1);
    expect(io.errLines.join('\n')).toContain(
      'nothing of it hears; say it with --text [engine_call_unsupported]',
    );
  });

  test('pushed to talk is one turn: everything at once, a commit, a request', async () => {
    await using folder = await testFolder();
    await folder.write('in.wav', speechWav());
    await using gateway = await fakeGateway(echo());
    const io = testIo(folder.path);
    const options = { url: gateway.url, file: 'in.wav', pushToTalk: true, timeoutMs: 5000 };
    expect(await talk(options, io)).toBe(0);
    expect(gateway.calls[0]?.received.map(({ type }) => type)).toEqual([
      'session.update',
      'input_audio_buffer.append',
      'input_audio_buffer.commit',
      'response.create',
    ]);
    expect(io.outLines[0]).toContain('answer: "(pushed)" 0.10 s of audio');
  });

  test.each([
    ['no sound', new Int16Array(2400), 'in.wav holds no sound (0.10 s)'],
    [
      'no speech',
      new Int16Array(2400).fill(20),
      'in.wav holds no speech that the gateway could hear (0.10 s)',
    ],
  ])('that holds %s is said to, with exit code 1', async (_name, pcm, message) => {
    await using folder = await testFolder();
    await folder.write('in.wav', writeWav(pcm, 24_000));
    await using gateway = await fakeGateway(echo());
    const io = testIo(folder.path);
    expect(await talk({ url: gateway.url, file: 'in.wav', timeoutMs: 20_000 }, io, fastClock)).toBe(1);
    expect(io.errLines).toContain(`error: ${message} [no_speech]`);
  });

  test('the microphone keeps its time, however late it is called', async () => {
    const clock = new VirtualClock();
    const sent: { atMs: number; samples: number }[] = [];
    const asked: number[] = [];
    const { signal } = new AbortController();
    const sending = microphone({
      pcm: new Int16Array(24 * 100),
      clock,
      append: ({ length }) => sent.push({ atMs: clock.now(), samples: length }),
      silence(ms) {
        asked.push(ms);
        return ms < 60 ? 'more' : 'enough';
      },
      signal,
    });
    await clock.advance(1000);
    await sending;
    expect(sent.map(({ atMs }) => Math.round(atMs))).toEqual([0, 30, 60, 90, 100, 130]);
    expect(sent.map(({ samples }) => samples / 24)).toEqual([30, 30, 30, 10, 30, 30]);
    expect(asked.map(Math.round)).toEqual([0, 30, 60]);
    expect(clock.pending).toBe(0);
  });
});
