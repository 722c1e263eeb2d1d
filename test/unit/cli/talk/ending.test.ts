import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseWav } from '../../../../src/audio/wav.ts';
import { talk } from '../../../../src/cli/talk.ts';
import { testFolder } from '../../../support/folder.ts';
import { until } from '../../../support/poll.ts';
import { fakeGateway } from '../../client/fake-gateway.ts';
import { begin, echo, onAsk, speechWav, testIo } from '../fake-echo.ts';

const soon = { timeoutMs: 3000 };

describe('the end of a call', () => {
  test('a gateway that leaves half-way is no error: what came is kept, exit code 0', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(
      onAsk((_event, call) => {
        begin(call, 'resp_1', 'hal', 480);
        const message = 'the gateway is leaving';
        call.send({ type: 'greenroom.notice', code: 'server_shutdown', message, retry_ms: null });
        call.socket.close(1001, 'server_shutdown');
      }),
    );
    const io = testIo(folder.path);
    const options = {
      url: gateway.url,
      text: ['hi', 'never said'],
      out: 'out.wav',
      json: true,
      timeoutMs: 5000,
    };
    expect(await talk(options, io)).toBe(0);
    expect(parseWav(await readFile(join(folder.path, 'out.wav'))).pcm).toHaveLength(480);
    expect(io.events().at(-1)).toEqual({
      event: 'closed',
      code: 1001,
      reason: 'server_shutdown',
      wasClean: true,
    });
    expect(gateway.calls[0]?.received).toHaveLength(2);
  });

  test.each([
    ['1011', 'the gateway closed the connection: 1011 a fault of ours'],
    ['abrupt', 'the connection was lost: 1006'],
  ])('a call that the server ends half-way (%s) is told, and is exit code 1', async (how, line) => {
    await using gateway = await fakeGateway(
      onAsk((_event, { socket }) =>
        how === 'abrupt' ? socket.terminate() : socket.close(1011, 'a fault of ours'),
      ),
    );
    const io = testIo('/');
    expect(await talk({ url: gateway.url, text: ['hi'], timeoutMs: 5000 }, io)).toBe(1);
    expect(io.errLines.at(-1)).toBe(line);
  });

  test('a call in which nothing was heard writes no file, leaves the one that is there, and says so', async () => {
    await using folder = await testFolder();
    await folder.write('old.wav', 'old');
    await using gateway = await fakeGateway(onAsk((_event, call) => begin(call, 'resp_1', 'hi', 0)));
    for (const out of ['new.wav', 'old.wav']) {
      const io = testIo(folder.path);
      expect(await talk({ url: gateway.url, text: ['hi'], out, json: true, timeoutMs: 100 }, io)).toBe(1);
      const message = `no audio was heard: ${join(folder.path, out)} is not written`;
      expect(io.events()).toContainEqual({ event: 'remark', code: 'nothing_heard', message });
      expect(io.errLines).toContain(message);
    }
    expect(await readFile(join(folder.path, 'old.wav'), 'utf8')).toBe('old');
    await expect(readFile(join(folder.path, 'new.wav'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('Ctrl+C closes with 1000 and keeps what was received, exit code 0', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(onAsk((_event, call) => begin(call, 'resp_1', 'hal', 480)));
    const io = testIo(folder.path);
    const talking = talk({ url: gateway.url, text: ['hi'], out: 'out.wav', timeoutMs: 5000 }, io);
    await until(() => gateway.calls[0]?.received.length === 2, { ...soon, what: 'the question' });
    io.interrupt();
    expect(await talking).toBe(0);
    expect(await gateway.calls[0]?.closed).toMatchObject({ code: 1000 });
    expect(parseWav(await readFile(join(folder.path, 'out.wav'))).pcm.length).toBeLessThanOrEqual(480);
  });

  test('Ctrl+C while it connects, and while a recording is sent, ends it too', async () => {
    await using folder = await testFolder();
    await folder.write('in.wav', speechWav());
    await using deaf = await fakeGateway({ refusal: 'never' });
    const early = testIo(folder.path);
    const connecting = talk({ url: deaf.url, text: ['hi'], timeoutMs: 5000 }, early);
    early.interrupt();
    expect(await connecting).toBe(0);
    await using gateway = await fakeGateway(echo());
    const io = testIo(folder.path);
    const talking = talk({ url: gateway.url, file: 'in.wav', timeoutMs: 5000 }, io);
    await until(() => (gateway.calls[0]?.received.length ?? 0) > 2, { ...soon, what: 'audio' });
    io.interrupt();
    expect(await talking).toBe(0);
    expect(await gateway.calls[0]?.closed).toMatchObject({ code: 1000 });
  });
});
