import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { concatPcm } from '../../../../src/audio/pcm.ts';
import { parseWav } from '../../../../src/audio/wav.ts';
import { talk } from '../../../../src/cli/talk.ts';
import { testFolder } from '../../../support/folder.ts';
import { fakeGateway, nobodysUrl } from '../../client/fake-gateway.ts';
import { answer, begin, done, echo, greet, onAsk, ready, testIo } from '../fake-echo.ts';
import { held, record } from '../records.ts';

describe('typed lines', () => {
  test('each waits for its answer; all of the audio is kept in order', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(echo());
    const io = testIo(folder.path);
    const text = ['hello', 'good bye'];
    expect(await talk({ url: gateway.url, text, out: 'out.wav', timeoutMs: 5000 }, io)).toBe(0);
    expect(io.outLines.map((line) => line.replace(/after \d+ ms/, 'after N ms'))).toEqual([
      'answer: "hello" 0.10 s of audio, first audio after N ms',
      'answer: "good bye" 0.20 s of audio, first audio after N ms',
    ]);
    const { pcm, rateHz } = parseWav(await readFile(join(folder.path, 'out.wav')));
    expect(rateHz).toBe(24_000);
    expect(pcm).toEqual(concatPcm([new Int16Array(2400).fill(1), new Int16Array(4800).fill(2)]));
    const types = gateway.calls[0]?.received.map(({ type }) => type);
    expect(types).toEqual([
      ...['conversation.item.create', 'response.create'],
      ...['conversation.item.create', 'response.create'],
    ]);
    expect(await gateway.calls[0]?.closed).toMatchObject({ code: 1000 });
  });

  test('with --json every event is one object on standard output', async () => {
    await using gateway = await fakeGateway(echo());
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['hi'], json: true, timeoutMs: 5000 }, io)).toBe(0);
    expect(io.events()).toEqual(
      [
        { event: 'lobby', state: 'ready', engines: [] },
        {
          event: 'open',
          url: expect.stringMatching(/^ws:.*\/v1\/realtime\?notices=1$/),
          ...{ session: 'sess_1', conversation: 'conv_1' },
        },
        {
          event: 'answer',
          ...{ responseId: 'resp_1', status: 'completed', transcript: 'hi', audioMs: 100 },
          firstAudioMs: expect.any(Number),
        },
        { event: 'closed', code: 1000, reason: '', wasClean: true },
      ].toSorted((a, b) => (a.event === 'open' ? -1 : b.event === 'open' ? 1 : 0)),
    );
    expect(io.errLines.some((line) => line.startsWith('answer: "hi"'))).toBe(true);
  });

  test('a server error about the question ends its wait, is shown, and the next line is said', async () => {
    let asked = 0;
    await using gateway = await fakeGateway(
      onAsk(({ event_id }, call) => {
        asked += 1;
        const error = {
          type: 'server_error',
          code: 'lobby_timeout',
          message: 'too long',
          param: null,
          event_id,
        };
        if (asked === 1) call.send({ type: 'error', error });
        else answer(call, 'resp_2', 'second', 240);
      }),
    );
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['one', 'two'], timeoutMs: 5000 }, io)).toBe(1);
    expect(io.errLines).toContain('error: too long [lobby_timeout]');
    expect(io.outLines).toHaveLength(1);
  });

  test('a harmless race error is shown and forgotten', async () => {
    await using gateway = await fakeGateway(
      onAsk((_event, call) => {
        const error = { code: 'response_cancel_not_active', message: 'no active response', event_id: null };
        call.send({ type: 'error', error: { type: 'invalid_request_error', param: null, ...error } });
        answer(call, 'resp_1', 'hi', 240);
      }),
    );
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['hi'], timeoutMs: 5000 }, io)).toBe(0);
    expect(io.errLines).toContain('error: no active response [response_cancel_not_active]');
  });

  test.each([
    [
      'failed',
      { status: 'failed', status_details: { error: { code: 'engine_exited', message: 'voice is gone' } } },
      'error: voice is gone [engine_exited]',
    ],
    ['empty', { output: [] }, 'error: the answer resp_1 has neither text nor audio [empty_answer]'],
  ])('an answer that is %s is an error', async (_name, response, line) => {
    await using gateway = await fakeGateway(
      onAsk((_event, call) => {
        begin(call, 'resp_1', '', 0);
        done(call, 'resp_1', response);
      }),
    );
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['hi'], timeoutMs: 5000 }, io)).toBe(1);
    expect(io.errLines).toContain(line);
  });

  test('a question that is never answered ends in time, and says what was waited for', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(onAsk((_event, call) => begin(call, 'resp_1', 'hal', 240)));
    const io = testIo(folder.path);
    expect(await talk({ url: gateway.url, text: ['hi'], out: 'out.wav', timeoutMs: 100 }, io)).toBe(1);
    expect(io.errLines).toContain('error: the answer to "hi" did not end within 100 ms [deadline_exceeded]');
    expect(io.outLines[0]).toMatch(/^answer \(unfinished\): "hal" 0\.01 s of audio/);
    expect(parseWav(await readFile(join(folder.path, 'out.wav'))).pcm).toHaveLength(240);
  });

  test('what cannot be understood is an error, and the call goes on', async () => {
    await using gateway = await fakeGateway(
      onAsk((_event, call) => {
        call.socket.send('garbage');
        call.send({ type: 'response.done' });
        answer(call, 'resp_1', 'hi', 240);
      }),
    );
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['hi'], timeoutMs: 5000 }, io)).toBe(1);
    expect(io.errLines).toContain(
      'error: the server sent a frame that is not JSON: "garbage" [protocol_error]',
    );
    expect(io.errLines.some((line) => line.includes('the event response.done cannot be used'))).toBe(true);
    expect(io.outLines).toHaveLength(1);
  });
});

describe('the lobby', () => {
  const engine = {
    name: 'voice',
    state: 'starting',
    rung: 'loaded',
    progress: 0.42,
    text: null,
    elapsed_ms: 1200,
    eta_ms: null,
  };

  test('is shown while it waits, until it is ready', async () => {
    await using gateway = await fakeGateway({
      onCall(call) {
        greet(call);
        for (const progress of [0.42, 0.43, 0.57])
          call.send({ type: 'greenroom.lobby', state: 'waiting', engines: [{ ...engine, progress }] });
        call.send(ready);
      },
      onEvent: ({ type }, call) => type === 'response.create' && answer(call, 'resp_1', 'hi', 240),
    });
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['hi'], timeoutMs: 5000 }, io)).toBe(0);
    const shown = io.errLines.filter((line) => /^(?:waiting|ready)/.test(line));
    expect(shown).toEqual([
      'waiting: voice starting (loaded) 42 % 1.2 s',
      'waiting: voice starting (loaded) 57 % 1.2 s',
      expect.stringMatching(/^ready after \d+ ms$/),
    ]);
  });

  test('that fails is told with the reason and the last lines of the engine: 69', async () => {
    const error = {
      code: 'engine_exited',
      message: 'engine voice exited with 3',
      log_tail: ['no such model'],
    };
    await using gateway = await fakeGateway({
      onCall(call) {
        greet(call);
        call.send({ type: 'greenroom.lobby', state: 'failed', engines: [engine], error });
        call.socket.close(4410, error.message);
      },
    });
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['hi'], timeoutMs: 5000 }, io)).toBe(69);
    const at = io.errLines.indexOf('failed: engine voice exited with 3');
    expect(io.errLines[at + 1]).toBe('  | no such model');
    expect(io.errLines.at(-1)).toBe('the gateway closed the connection: 4410 engine voice exited with 3');
  });

  test('that does not end in time is 69, with what was missing', async () => {
    await using gateway = await fakeGateway({
      onCall: (call) => call.send({ type: 'greenroom.lobby', state: 'waiting', engines: [engine] }),
    });
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['hi'], timeoutMs: 100 }, io)).toBe(69);
    expect(io.errLines).toContain(
      'error: the gateway was not ready (voice starting (loaded) 42 % 1.2 s) within 100 ms [not_ready]',
    );
  });
});

describe('a call that does not take place', () => {
  test.each([
    [{ file: 'in.wav', mic: 'default' }, '--file is what is heard: give it without --mic and --no-mic'],
    [{ pushToTalk: true }, '--push-to-talk is about a recording'],
    [{ text: ['  '] }, '--text has nothing to say'],
    [{ text: ['hi'], pushToTalk: true }, '--push-to-talk is about a recording'],
    [{ file: 'none.wav' }, '--file none.wav cannot be read: ENOENT'],
    [{ file: 'talk.test.ts' }, '--file talk.test.ts is no WAV we can read: "RIFF" expected'],
    [{ text: ['hi'], out: 'none/out.wav' }, 'none is not there, or cannot be written'],
    [{ text: ['hi'], out: '.' }, '--out . is a folder'],
  ])('%j is bad usage', async (options, message) => {
    const io = testIo(import.meta.dirname);
    await expect(talk(options, io)).rejects.toMatchObject({
      code: 'bad_usage',
      message: expect.stringContaining(message),
    });
  });

  test('nothing to record with is told with what can be done about it', async () => {
    await using folder = await testFolder();
    const io = { ...testIo(folder.path), env: { PATH: folder.path } };
    await expect(talk({}, io)).rejects.toMatchObject({
      code: 'microphone_missing',
      exitCode: 69,
      message: expect.stringMatching(
        /install alsa-utils \(arecord\), sox or ffmpeg.*--mic.*--no-mic.*--text/,
      ),
    });
  });

  test('no gateway in the data directory, and none at the address, say how to start one', async () => {
    await using folder = await testFolder();
    await folder.write('.greenroom/logs/greenroom.log', '');
    const io = testIo(folder.path);
    await expect(talk({ text: ['hi'] }, io)).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: `no gateway runs in ${folder.path}/.greenroom; start one with \`greenroom up\`, or name one with --url`,
    });
    await expect(talk({ text: ['hi'], url: await nobodysUrl() }, io)).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: expect.stringMatching(/ECONNREFUSED.*greenroom up/),
    });
  });

  test('an upgrade that is refused says what the gateway said, without asking again', async () => {
    const error = { code: 'unauthorized', message: 'the token is not one of the caller surface' };
    await using gateway = await fakeGateway({
      refusal: { status: 401, body: { error } },
      onRequest: () => ({ status: 426, body: {} }),
    });
    const options = { url: gateway.url, text: ['hi'] };
    const { code, message } = error;
    await expect(talk({ ...options, token: 'wrong' }, testIo('/'))).rejects.toMatchObject({
      code,
      message: `${message}; give another with --token, or in GREENROOM_TOKEN`,
    });
    await expect(talk(options, testIo('/'))).rejects.toMatchObject({
      code,
      message: `${message}; give one with --token, or in GREENROOM_TOKEN`,
    });
    expect(gateway.requests).toEqual([]);
  });

  test('without a data directory the default address is tried, and named when nobody is there', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(echo());
    const io = testIo(folder.path);
    expect(await talk({ text: ['hi'], defaultUrl: gateway.url, timeoutMs: 5000 }, io)).toBe(0);
    const defaultUrl = await nobodysUrl();
    const place = defaultUrl.replace('http', 'ws');
    await expect(talk({ text: ['hi'], defaultUrl }, io)).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: `there is no data directory ${folder.path}/.greenroom, and no gateway answers at ${place}/v1/realtime?notices=1: connection refused (ECONNREFUSED); start one with \`greenroom up\`, or name one with --url`,
    });
  });

  test('the gateway of the data directory is found by its run record', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(echo());
    await using _ = await held(folder.path);
    await record(folder.path, { url: gateway.url });
    expect(await talk({ text: ['hi'], timeoutMs: 5000 }, testIo(folder.path))).toBe(0);
  });
});
