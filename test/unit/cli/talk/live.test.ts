// A live call against a scripted gateway, typed only; with sound and real gateways in test/process/live.test.ts.
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { talk } from '../../../../src/cli/talk.ts';
import { until } from '../../../support/poll.ts';
import { type FakeCall, fakeGateway } from '../../client/fake-gateway.ts';
import { begin, done, echo, greet, onAsk, ready, testIo } from '../fake-echo.ts';

const soon = { timeoutMs: 3000 };
const options = { mic: false, json: true, timeoutMs: 5000 } as const;
const goodbye = (call: FakeCall) => {
  const message = 'the gateway is leaving';
  call.send({ type: 'greenroom.notice', code: 'server_shutdown', message, retry_ms: null });
};

describe('a live call', () => {
  test('leaves by the notice, while the connection still stands; the close is the end, exit code 0', async () => {
    await using gateway = await fakeGateway({
      onCall(call) {
        greet(call);
        call.send(ready);
        goodbye(call);
      },
    });
    const io = testIo('/');
    const talking = talk({ ...options, url: gateway.url }, io);
    const said = () => io.events().map(({ event }) => event);
    await until(() => said().includes('leaving'), { ...soon, what: 'it to leave' });
    expect(said()).not.toContain('closed');
    gateway.calls[0]?.socket.close(1001, 'server_shutdown');
    expect(await talking).toBe(0);
    expect(io.events().at(-1)).toMatchObject({ event: 'closed', code: 1001 });
  });

  test('a gateway that says goodbye and does not close holds nobody up', async () => {
    await using gateway = await fakeGateway({
      onCall(call) {
        greet(call);
        goodbye(call);
      },
    });
    const io = testIo('/');
    const beganMs = performance.now();
    expect(await talk({ ...options, url: gateway.url }, io)).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(4000);
    expect(await gateway.calls[0]?.closed).toMatchObject({ code: 1000 });
  });

  test('lines given beforehand are said first, and it goes on until somebody leaves', async () => {
    await using gateway = await fakeGateway(onAsk((_event, call) => begin(call, 'resp_1', 'hi', 480)));
    const io = testIo('/');
    const talking = talk({ ...options, url: gateway.url, text: ['hi'] }, io);
    await until(() => io.events().some(({ event }) => event === 'said'), { ...soon, what: 'the line' });
    await until(() => io.events().some(({ state }) => state === 'typing'), { ...soon, what: 'the keys' });
    io.interrupt();
    expect(await talking).toBe(0);
    expect(io.events().find(({ event }) => event === 'leaving')).toMatchObject({ why: 'asked by a signal' });
    expect(await gateway.calls[0]?.closed).toMatchObject({ code: 1000 });
  });

  test('a long line that is refused is named by its beginning and its length, and the call goes on', async () => {
    const behaviour = onAsk((_event, call) => begin(call, 'resp_1', 'hi', 480));
    await using gateway = await fakeGateway({
      ...behaviour,
      onEvent(event, call) {
        if (JSON.stringify(event).length < 1_000_000) return behaviour.onEvent?.(event, call);
        const message = 'an item of 1000000 characters is too long';
        call.send({ type: 'error', error: { event_id: event['event_id'], code: 'invalid_value', message } });
      },
    });
    const io = testIo('/');
    const text = ['x'.repeat(1_000_000), 'hi'];
    const talking = talk({ ...options, json: false, url: gateway.url, text }, io);
    const shown = () => io.errLines.some((line) => line.includes('was refused'));
    await until(() => shown() && gateway.calls[0]?.received.length === 5, { ...soon, what: 'both lines' });
    io.interrupt();
    await talking;
    expect(io.errLines.find((line) => line.includes('was refused'))).toMatch(
      /^ {2}lost +"x{59}…" \(1000000 characters\) was refused: an item of 1000000 characters is too long$/,
    );
  });

  test('an answer that was under way when the connection was lost is told as unfinished, and owed no more', async () => {
    await using gateway = await fakeGateway(
      onAsk((_event, call) => {
        begin(call, 'resp_1', 'hal', 480);
        call.socket.terminate();
      }),
    );
    const io = testIo('/');
    const talking = talk({ ...options, url: gateway.url, text: ['hi'] }, io);
    await until(() => gateway.calls.length > 1, { ...soon, what: 'it to come back' });
    io.interrupt();
    expect(await talking).toBe(0);
    const answers = io.events().filter(({ event }) => event === 'answer');
    expect(answers).toMatchObject([{ status: 'unfinished', transcript: 'hal' }, ...answers.slice(1)]);
  });

  test('is refused when it comes back: exit code 1, with what the gateway said', async () => {
    await using gateway = await fakeGateway({ onCall: greet });
    const io = testIo('/');
    const talking = talk({ ...options, url: gateway.url }, io);
    await until(() => gateway.calls.length === 1, { ...soon, what: 'the call' });
    const message = 'the token is not one of the caller surface';
    gateway.refuse({ status: 401, body: { error: { code: 'unauthorized', message } } });
    gateway.calls[0]?.socket.terminate();
    expect(await talking).toBe(1);
    expect(io.events().at(-1)).toMatchObject({ event: 'closed', code: 1006, reason: message });
  });
});

describe('lines from a pipe', () => {
  const piped = (text: string) => {
    const stream = new PassThrough();
    stream.end(text);
    return stream as unknown as NodeJS.ReadStream;
  };
  const lineOf = (event: object) => JSON.stringify(event).match(/"text":"([^"]*)"/)?.[1];

  test('each is sent when the answer before has ended, the end of the input leaves with exit code 0', async () => {
    await using gateway = await fakeGateway(
      onAsk((_event, call) => begin(call, `resp_${call.received.length}`, 'so', 480)),
    );
    const io = testIo('/');
    const input = () => piped('one\n\ntwo\n');
    const talking = talk({ ...options, text: ['zero'], url: gateway.url }, { ...io, input });
    const lines = () => gateway.calls[0]?.received.map(lineOf).filter(Boolean) ?? [];
    const answers = () => io.events().filter(({ event }) => event === 'answer').length;
    for (const [index, line] of ['zero', 'one', 'two'].entries()) {
      await until(() => lines().at(-1) === line, { ...soon, what: `the line ${line}` });
      const asked = () => gateway.calls[0]?.received.filter(({ type }) => type === 'response.create').length;
      await until(() => asked() === index + 1, { ...soon, what: `the question ${index}` });
      expect(lines()).toHaveLength(index + 1);
      expect(answers()).toBe(index);
      const call = gateway.calls[0];
      if (call) done(call, `resp_${call.received.length}`);
    }
    expect(await talking).toBe(0);
    expect(answers()).toBe(3);
    expect(io.events().find(({ event }) => event === 'leaving')).toMatchObject({
      why: 'the input has ended',
    });
  });

  test('/quit is obeyed in its turn, and nothing after it is said', async () => {
    await using gateway = await fakeGateway(echo());
    const io = testIo('/');
    const input = () => piped('one\n/quit\ntwo\n');
    expect(await talk({ ...options, url: gateway.url }, { ...io, input })).toBe(0);
    expect(io.events().filter(({ event }) => event === 'answer')).toMatchObject([{ transcript: 'one' }]);
    expect(io.events().filter(({ event }) => event === 'said')).toHaveLength(1);
  });

  test('one that nothing answers is told after the longest wait: the next is said, exit code 1', async () => {
    const behaviour = echo();
    let asked = 0;
    await using gateway = await fakeGateway({
      ...behaviour,
      onEvent(event, call) {
        if (event.type === 'response.create' && asked++ === 0) return;
        behaviour.onEvent?.(event, call);
      },
    });
    const io = testIo('/');
    const input = () => piped('one\ntwo\n');
    expect(await talk({ ...options, timeoutMs: 300, url: gateway.url }, { ...io, input })).toBe(1);
    expect(io.events().find(({ event }) => event === 'error')).toMatchObject({ code: 'deadline_exceeded' });
    expect(io.events().filter(({ event }) => event === 'answer')).toMatchObject([{ transcript: 'two' }]);
  });
});
