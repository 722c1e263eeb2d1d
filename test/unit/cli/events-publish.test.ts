// Publishing, in this process: what is sent, in which pieces, and what becomes of refusals.
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { LineSplitter } from '../../../src/cli/events/lines.ts';
import { events } from '../../../src/cli/events.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { nobodysUrl } from '../client/fake-gateway.ts';
import { type Answer, type FakeHub, fakeHub, type Post } from '../client/hub/fake-hub.ts';
import { testIo } from './fake-echo.ts';

/** Takes everything but lines with `bad`. */
function judging({ body, headers }: Post): Answer {
  const lines =
    headers['content-type'] === 'application/x-ndjson' ? body.split('\n').filter(Boolean) : [body];
  const rejected = lines.flatMap((line, at) =>
    line.includes('bad') ? [{ line: at + 1, code: 'invalid_event', message: 'no JSON' }] : [],
  );
  const accepted = lines.length - rejected.length;
  if (accepted > 0) return { status: 200, body: { accepted, id: `one.${accepted}`, rejected } };
  return {
    status: 400,
    body: { error: { code: 'invalid_event', message: 'nothing', details: { rejected } } },
  };
}

async function publish(hub: FakeHub, content: string | Buffer, options: object = {}) {
  await using folder = await testFolder();
  await folder.write('events.ndjson', content as string);
  const io = testIo(folder.path);
  const code = await events([], { url: hub.url, publish: 'events.ndjson', ...options }, io);
  return { code, io };
}

describe('a file', () => {
  test('of lines: blank ones are counted, refused ones are named by their numbers', async () => {
    await using hub = await fakeHub({ onPost: judging });
    const { code, io } = await publish(hub, '{"n":1}\n\n{"bad"\r\n{"n":12345678901234567890}\n7', {
      token: 'T',
    });
    expect(code).toBe(1);
    expect(io.errLines).toEqual([
      'line 3: no JSON [invalid_event]',
      'accepted 3, refused 1; the last one is one.1',
    ]);
    // The last line has no end: only the file's says that it is whole.
    expect(hub.posts.map(({ body }) => body)).toEqual([
      '{"n":1}\n{"bad"\r\n{"n":12345678901234567890}\n',
      '7\n',
    ]);
    expect(hub.posts[0]?.headers).toMatchObject({
      authorization: 'Bearer T',
      'content-type': 'application/x-ndjson',
    });
  });

  test('of which everything is refused', async () => {
    await using hub = await fakeHub({ onPost: judging });
    const { code, io } = await publish(hub, 'bad\nworse bad\n', { json: true });
    expect(code).toBe(1);
    expect(io.events()).toEqual([
      { event: 'refused', line: 1, code: 'invalid_event', message: 'no JSON' },
      { event: 'refused', line: 2, code: 'invalid_event', message: 'no JSON' },
      { event: 'published', accepted: 0, refused: 2, id: null },
    ]);
  });

  test.each([
    ['an object over several lines', '{\n  "topic": "a",\n  "data": 1\n}\n'],
    ['a list over several lines', '[\n{"n":1},\n{"n":2}\n]'],
    ['a list alone', '[{"n":1},{"n":2}]\n'],
  ])('that is one document: %s', async (_name, content) => {
    await using hub = await fakeHub({ onPost: judging });
    expect((await publish(hub, content)).code).toBe(0);
    expect(hub.posts[0]?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(hub.posts[0]?.body ?? '')).toEqual(JSON.parse(content));
    expect(hub.posts.length).toBe(1);
  });

  test('of lists is no document; what only begins like one is lines', async () => {
    await using hub = await fakeHub({ onPost: judging });
    await publish(hub, '[1]\n[2]\n');
    await publish(hub, '{"bad\n{"n":1}\n');
    expect(hub.posts.map(({ body, headers }) => [headers['content-type'], body])).toEqual([
      ['application/x-ndjson', '[1]\n[2]\n'],
      ['application/x-ndjson', '{"bad\n{"n":1}\n'],
    ]);
  });

  test('with a topic each line is put into an envelope, if it is JSON', async () => {
    await using hub = await fakeHub({ onPost: judging });
    const { code, io } = await publish(hub, '{"n":1}\n1},{"x":2\n"t"\n', { topic: 'a"b' });
    expect(code).toBe(1);
    expect(hub.posts[0]?.body).toBe('{"topic":"a\\"b","data":{"n":1}}\n{"topic":"a\\"b","data":"t"}\n');
    expect(io.errLines[0]).toBe(
      'line 2: the line is no JSON; with --text every line is an event, as a text [invalid_event]',
    );
  });

  test('that is long goes in pieces, in order; a line that no event can be is not sent', async () => {
    await using hub = await fakeHub({ onPost: judging });
    const line = (n: number) => JSON.stringify({ n, text: 'x'.repeat(1000) });
    const lines = Array.from({ length: 1000 }, (_, n) => line(n));
    lines[500] = JSON.stringify('y'.repeat(2 * 1024 * 1024));
    const { code, io } = await publish(hub, lines.join('\n'));
    expect(code).toBe(1);
    expect(io.errLines[0]).toMatch(/^line 501: the line has 2097154 bytes; .* \[event_too_large\]$/);
    const sent = hub.posts
      .flatMap(({ body }) => body.trim().split('\n'))
      .map((one) => (JSON.parse(one) as { n: number }).n);
    expect(sent).toEqual(lines.map((_, n) => n).filter((n) => n !== 500));
    expect(hub.posts.length).toBeGreaterThan(3);
    for (const { body } of hub.posts) expect(body.length).toBeLessThan(300_000);
  });

  test('that is not there, is a directory, or is given with what is for watching', async () => {
    const io = testIo('/');
    const url = 'http://127.0.0.1:9';
    const run = (file: string, topics: string[] = [], more: object = {}) =>
      events(topics, { url, publish: file, ...more }, io);
    await expect(run('nowhere.json')).rejects.toMatchObject({
      code: 'bad_usage',
      message: expect.stringContaining('ENOENT'),
    });
    await expect(run('tmp')).rejects.toMatchObject({ message: '--publish tmp: it is a directory' });
    await expect(run('x', ['a'])).rejects.toMatchObject({
      message: expect.stringContaining('--topic and --text only'),
    });
    await expect(events([], { url, topic: 'a' }, io)).rejects.toMatchObject({
      message: expect.stringContaining('--topic is for --publish'),
    });
  });
});

test('with --text any line is an event, as a text; without it one that is no JSON says so', async () => {
  const bodies: string[] = [];
  const body = { accepted: 2, id: 'one.2', topic: 'log', rejectedCount: 0, rejected: [] };
  await using hub = await fakeHub({
    onPost: ({ body: text }) => {
      bodies.push(text);
      return { status: 200, body };
    },
  });
  const { code } = await publish(hub, 'temp 71 "é"\n[1]\n', { topic: 'log', text: true });
  expect(code).toBe(0);
  expect(bodies.join('')).toBe(
    `{"topic":"log","data":${JSON.stringify('temp 71 "é"')}}\n{"topic":"log","data":"[1]"}\n`,
  );
  const { code: refused, io } = await publish(hub, 'temp 71\n', { topic: 'log' });
  expect([refused, io.errLines[0]]).toEqual([
    1,
    'line 1: the line is no JSON; with --text every line is an event, as a text [invalid_event]',
  ]);
});

test('of many refusals the first are named, and all are counted', async () => {
  const rejected = [{ line: 1, code: 'invalid_event', message: 'no JSON' }];
  const facts = { accepted: 1, id: 'one.1', rejectedCount: 299, rejected };
  await using hub = await fakeHub({ onPost: () => ({ status: 200, body: facts }) });
  const { code, io } = await publish(hub, 'bad\n'.repeat(300));
  expect(code).toBe(1);
  expect(io.errLines).toEqual([
    'line 1: no JSON [invalid_event]',
    'and 298 more lines up to line 300',
    'accepted 1, refused 299; the last one is one.1',
  ]);
});

test('standard input is sent as it comes, and an interruption ends it with what was done', async () => {
  await using hub = await fakeHub({ onPost: judging });
  const input = new PassThrough();
  const io = { ...testIo('/'), input: () => input as never };
  const publishing = events([], { url: hub.url, publish: '-' }, io);
  input.write('{"n":1}\n{"n":2}\n{"n"');
  await until(() => hub.posts.length === 1, { timeoutMs: 3000, what: 'the first lines' });
  expect(hub.posts[0]?.body).toBe('{"n":1}\n{"n":2}\n');
  input.write(':3}\n');
  await until(() => hub.posts.length === 2, { timeoutMs: 3000, what: 'the third line' });
  io.interrupt();
  expect(await publishing).toBe(0);
  expect(io.errLines.at(-1)).toMatch(/^accepted [23], refused 0/);
});

test('nobody there, and a token that is wanted: with the next step', async () => {
  const io = testIo('/');
  await using folder = await testFolder();
  await folder.write('e', '1\n');
  const here = { ...io, cwd: folder.path };
  const url = await nobodysUrl();
  await expect(events([], { url, publish: 'e' }, here)).rejects.toMatchObject({
    ...{ code: 'gateway_unreachable', exitCode: 69 },
    message: expect.stringMatching(
      /^no gateway answers at http:.*refused.*; start one with `greenroom up`, or name one with --url$/,
    ),
  });
  const refusal = { status: 401, body: { error: { code: 'unauthorized', message: 'a token is missing' } } };
  await using hub = await fakeHub({ onPost: () => refusal, refusal });
  for (const options of [{ publish: 'e' }, {}])
    await expect(events([], { url: hub.url, ...options }, here)).rejects.toMatchObject({
      message: 'a token is missing; give one with --token, or in GREENROOM_TOKEN',
    });
});

test('lines are numbered however they are cut', () => {
  const text = Buffer.from('a\n\n  \nbé\r\n\nlonger than it may be\nc');
  for (let size = 1; size <= text.length; size += 1) {
    const splitter = new LineSplitter(10);
    const lines = [];
    for (let at = 0; at < text.length; at += size) lines.push(...splitter.push(text.subarray(at, at + size)));
    lines.push(...splitter.end());
    expect(lines.map(({ number, bytes, length }) => [number, bytes.toString(), length])).toEqual([
      [1, 'a', 1],
      [4, 'bé\r', 4],
      [6, '', 21],
      [7, 'c', 1],
    ]);
  }
});
