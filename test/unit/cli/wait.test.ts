import { describe, expect, test } from 'vitest';
import { wait } from '../../../src/cli/wait.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { type FakeBehaviour, fakeGateway, nobodysUrl } from '../client/fake-gateway.ts';
import { testIo } from './fake-echo.ts';
import { held, record } from './records.ts';

const ready = { status: 200, body: { status: 'ready' } };
const soon = { timeoutMs: 3000 };

function starting(engine: object): { status: number; body: unknown } {
  const missing = [{ name: 'voice', state: 'starting', rung: 'loaded', failure: null, ...engine }];
  const message = 'not ready: voice starting at loaded';
  return { status: 503, body: { error: { code: 'not_ready', message, details: { missing } } } };
}

const failure = { code: 'engine_exited', message: 'voice exited with 3', logTail: ['one', 'no such model'] };

/** Answers each question with the next answer; the last one for ever. */
function answering(...answers: { status: number; body: unknown }[]): FakeBehaviour {
  return { onRequest: () => (answers.length > 1 ? answers.shift() : answers[0]) ?? ready };
}

describe('waiting for a gateway', () => {
  test('ends with 0 as soon as it is ready', async () => {
    await using gateway = await fakeGateway(answering(starting({}), starting({}), ready));
    const io = testIo('/');
    expect(await wait({ url: gateway.url, timeoutMs: 5000, json: true }, io)).toBe(0);
    expect(gateway.requests).toEqual(['/readyz', '/readyz', '/readyz']);
    expect(io.events()).toEqual([{ event: 'ready', url: gateway.url, ms: expect.any(Number) }]);
    expect(io.errLines[0]).toMatch(/^ready: http:\/\/127\.0\.0\.1:\d+ after \d+ ms$/);
  });

  test('begins before there is one: the run record is looked for again', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(answering(ready));
    const waiting = wait({ timeoutMs: 5000 }, testIo(folder.path));
    await using _ = await held(folder.path);
    await record(folder.path, { url: gateway.url });
    expect(await waiting).toBe(0);
  });

  test('an engine that has failed ends it at once, with the reason and its last lines: 69', async () => {
    await using gateway = await fakeGateway(answering(starting({}), starting({ state: 'failed', failure })));
    const io = testIo('/');
    expect(await wait({ url: gateway.url, timeoutMs: 60_000, json: true }, io)).toBe(69);
    expect(io.events()).toEqual([
      {
        event: 'failed',
        ...{ engine: 'voice', code: 'engine_exited', message: 'voice exited with 3', ms: expect.any(Number) },
        missing: [{ name: 'voice', state: 'failed', rung: 'loaded', failure }],
      },
    ]);
    expect(io.errLines).toEqual([
      expect.stringMatching(/^an engine has failed after \d+ ms: voice exited with 3$/),
      '  engine voice is failed at loaded: voice exited with 3 [engine_exited]',
      '    | one',
      '    | no such model',
    ]);
  });

  test('an engine that is tried again is waited for; when time is up, what is missing is said: 69', async () => {
    await using gateway = await fakeGateway(answering(starting({ state: 'backoff', rung: null, failure })));
    const io = testIo('/');
    expect(await wait({ url: gateway.url, timeoutMs: 120 }, io)).toBe(69);
    expect(gateway.requests.length).toBeGreaterThan(1);
    expect(io.errLines[0]).toMatch(/^not ready after \d+ ms: not ready: voice starting at loaded$/);
    expect(io.errLines[1]).toBe('  engine voice is backoff: voice exited with 3 [engine_exited]');
  });

  test('a gateway that shows no more than states is understood as well', async () => {
    const missing = [{ name: 'voice', state: 'failed', rung: null }, 7, null, {}];
    const body = { error: { code: 'not_ready', message: 'not ready: voice failed', details: { missing } } };
    await using gateway = await fakeGateway(answering({ status: 503, body }));
    const io = testIo('/');
    expect(await wait({ url: gateway.url, timeoutMs: 5000 }, io)).toBe(69);
    expect(io.errLines).toEqual([
      expect.stringMatching(/^an engine has failed after \d+ ms: not ready: voice failed$/),
      '  engine voice is failed',
    ]);
  });
});

describe('without a data directory', () => {
  test('the gateway at the default address is the one', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(answering(ready));
    const io = testIo(folder.path);
    expect(await wait({ defaultUrl: gateway.url, timeoutMs: 5000 }, io)).toBe(0);
    expect(io.errLines[0]).toContain(`ready: ${gateway.url} after 2.`);
  });

  test('one that starts beside us is waited for first', async () => {
    await using folder = await testFolder();
    await using other = await fakeGateway(answering(ready));
    await using ours = await fakeGateway(answering(ready));
    const waiting = wait({ defaultUrl: other.url, timeoutMs: 5000 }, testIo(folder.path));
    await using _ = await held(folder.path);
    await record(folder.path, { url: ours.url });
    expect(await waiting).toBe(0);
    expect([other.requests, ours.requests]).toEqual([[], ['/readyz']]);
  });
});

describe('when time is up', () => {
  test.each([
    ['an empty one', { data: undefined }, '.greenroom/logs/greenroom.log'],
    ['one that was named and is not there', { data: '.greenroom' }, 'other'],
  ])('no gateway in the data directory is said, with how to start one: %s', async (_name, options, file) => {
    await using folder = await testFolder();
    await using elsewhere = await fakeGateway(answering(ready));
    await folder.write(file, '');
    const io = testIo(folder.path);
    expect(await wait({ ...options, defaultUrl: elsewhere.url, timeoutMs: 80 }, io)).toBe(69);
    expect(io.errLines[0]).toMatch(
      /^not ready after \d+ ms: no gateway runs in .*\/\.greenroom; start one with `greenroom up`/,
    );
    expect(elsewhere.requests).toEqual([]);
  });

  test('without a data directory the default address is asked, and named when nobody answers', async () => {
    await using folder = await testFolder();
    const io = testIo(folder.path);
    const defaultUrl = await nobodysUrl();
    expect(await wait({ defaultUrl, timeoutMs: 80 }, io)).toBe(69);
    expect(io.errLines[0]?.replace(/after \d+ ms/, 'after N ms')).toBe(
      `not ready after N ms: there is no data directory ${folder.path}/.greenroom, and no gateway answers at ${defaultUrl}: connection refused (ECONNREFUSED); start one with \`greenroom up\`, or name one with --url`,
    );
  });

  test('a gateway that is gone is told by its pid and address', async () => {
    await using folder = await testFolder();
    await record(folder.path, { url: 'http://127.0.0.1:7', startTime: 1 });
    const io = testIo(folder.path);
    expect(await wait({ timeoutMs: 0 }, io)).toBe(69);
    expect(io.errLines[0]).toContain(`(pid ${process.pid} at http://127.0.0.1:7) is no longer there`);
  });

  test('the record of a process that does not hold the folder, and one that leads elsewhere, lead nowhere', async () => {
    await using folder = await testFolder();
    await record(folder.path);
    const io = testIo(folder.path);
    expect(await wait({ timeoutMs: 0 }, io)).toBe(69);
    expect(io.errLines[0]).toContain('is not there: that process does not hold it');
    await using _ = await held(folder.path);
    await record(folder.path, { url: 'http://203.0.113.9:7460' });
    expect(await wait({ timeoutMs: 0 }, io)).toBe(69);
    expect(io.errLines.at(-1)).toContain(`where its gateway (pid ${process.pid}) does not listen`);
  });

  test.each([
    ['nobody listens', undefined, 'connection refused (ECONNREFUSED)'],
    ['a stranger answers', { status: 404, body: 'nginx' }, 'answers HTTP 404, which no gateway does'],
  ])('%s is said', async (_name, answer, message) => {
    await using gateway = await fakeGateway(answer ? answering(answer) : {});
    const io = testIo('/');
    expect(await wait({ url: answer ? gateway.url : await nobodysUrl(), timeoutMs: 60 }, io)).toBe(69);
    expect(io.errLines[0]).toContain(message);
  });

  test('a gateway that takes the question and never answers is said, in bounded time', async () => {
    const { createServer } = await import('node:net');
    const server = createServer((socket) => socket.resume().on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const io = testIo('/');
    const beganMs = performance.now();
    expect(await wait({ url: `ws://127.0.0.1:${port}/v1/realtime`, timeoutMs: 60 }, io)).toBe(69);
    expect(performance.now() - beganMs).toBeLessThan(2000);
    expect(io.errLines[0]).toMatch(/127\.0\.0\.1:\d+\/readyz did not answer within \d+ ms$/);
    await new Promise((resolve) => server.close(resolve));
  });
});

test('Ctrl+C ends the wait at once: 69, since nothing is known to be ready', async () => {
  await using gateway = await fakeGateway(answering(starting({})));
  const io = testIo('/');
  const waiting = wait({ url: gateway.url, timeoutMs: 60_000 }, io);
  await until(() => gateway.requests.length > 0, { ...soon, what: 'a question' });
  io.interrupt();
  expect(await waiting).toBe(69);
  expect(io.errLines[0]).toMatch(/^interrupted after \d+ ms/);
});

test('a URL that is none is bad usage', async () => {
  await expect(wait({ url: 'nowhere' }, testIo('/'))).rejects.toMatchObject({ code: 'bad_usage' });
});
