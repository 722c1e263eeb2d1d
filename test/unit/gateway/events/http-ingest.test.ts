// Posts of events, over real connections and to a hub that writes down.
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WaitingBytes } from '../../../../src/gateway/engine-requests/waiting-bytes.ts';
import { FairTurns } from '../../../../src/gateway/events/fair-turns.ts';
import { postEvents, silenceMsMax } from '../../../../src/gateway/events/http-ingest.ts';
import { GreenroomError } from '../../../../src/lifecycle/errors.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';
import type { Published } from '../../../../src/wire/hub.ts';
import { until } from '../../../support/poll.ts';
import { RawSocket } from '../../../support/raw-socket.ts';
import { ingestParts, stateChange } from './rig.ts';

async function openStage(virtual?: VirtualClock) {
  const parts = ingestParts();
  const leaving = new AbortController();
  const waiting = new WaitingBytes();
  const over = { count: 0 };
  const context = {
    ...parts,
    ...(virtual && { clock: virtual, turns: new FairTurns(virtual) }),
    ...{
      waiting,
      who: 'open',
      leaving: leaving.signal,
      mask: (text: string) => text.replaceAll('secret', '***'),
    },
    mayPublish: (topic: string) =>
      topic === 'forbidden' ? new GreenroomError('topic_not_allowed', 'not there') : null,
  };
  const server = createServer((request, response) => {
    void postEvents(request, response, context).then(() => {
      over.count += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`;
  return {
    ...{ ...parts, waiting, leaving, over, url },
    post: (body: string | Buffer, type = 'application/json', query = '') =>
      fetch(url + query, {
        method: 'POST',
        body: new Uint8Array(Buffer.from(body)),
        headers: { 'content-type': type },
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const ndjson = 'application/x-ndjson';
const published = async (response: Response): Promise<Published> => {
  expect(response.status).toBe(200);
  return (await response.json()) as Published;
};
const failure = async (response: Response) => {
  const { error } = (await response.json()) as {
    error: { code: string; message: string; details: Published };
  };
  return { status: response.status, ...error };
};

/** A post that goes on for as long as it is told to. */
async function openPost(url: string) {
  const raw = await RawSocket.dial(url);
  const chunk = (text: string) => raw.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  raw.write(
    `POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: ${ndjson}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  return {
    raw,
    chunk,
    end: () => raw.write('0\r\n\r\n'),
    [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
  };
}

describe('a post', () => {
  test('of one event publishes it byte for byte', async () => {
    await using stage = await openStage();
    const text = '{ "machine_name": "m",\n "n": 12345678901234567890 }';
    expect(await published(await stage.post(`\uFEFF ${text}\n`))).toEqual({
      ...{ accepted: 1, id: 'e.1', topic: 'm', rejectedCount: 0, rejected: [] },
    });
    expect(stage.hub.published).toEqual([{ topic: 'm', key: null, data: text }]);
    expect(stage.waiting.taken).toBe(0);
  });

  test('of an array publishes its elements in order, each as it stands', async () => {
    await using stage = await openStage();
    const body = '[{"topic":"a","data": 1.0 }, 7 ,[8],{"x":1}]';
    expect(await published(await stage.post(body))).toMatchObject({ accepted: 4, id: 'e.4' });
    expect(stage.hub.data).toEqual(['1.0', '7', '[8]', '{"x":1}']);
    expect(await published(await stage.post('[]'))).toMatchObject({ accepted: 0, id: null });
  });

  test('that is raw is one event, whatever it is; `topic` says where it goes', async () => {
    await using stage = await openStage();
    const body = '[{"topic":"a","data":1}]';
    await published(await stage.post(body, 'application/json', '?raw=1&topic=t'));
    await published(await stage.post('{"topic":"a","data":1}\n2\n', ndjson, '?topic=u'));
    expect(stage.hub.published).toEqual([
      { topic: 't', key: null, data: body },
      { topic: 'u', key: null, data: '1' },
      { topic: 'u', key: null, data: '2' },
    ]);
  });

  test('of NDJSON in pieces of any size publishes its lines, far beyond the limit of a body', async () => {
    await using stage = await openStage();
    const lines = Array.from({ length: 20_000 }, (_, count) => stateChange(count));
    const answer = await stage.post(`${lines.join('\n')}`, ndjson);
    expect(await published(answer)).toMatchObject({ accepted: 20_000, id: 'e.20000' });
    expect(stage.hub.data).toEqual(lines);
    expect(await published(await stage.post('', ndjson))).toMatchObject({ accepted: 0, id: null });
  });

  test('of which some are bad is taken for the rest, with number and reason', async () => {
    await using stage = await openStage();
    const lines = ['1', 'x', '', '{"topic":"forbidden","data":1}', `"${'x'.repeat(1024 * 1024)}"`, '2'];
    expect(await published(await stage.post(lines.join('\r\n'), ndjson))).toEqual({
      ...{ accepted: 2, id: 'e.2', topic: 'default', rejectedCount: 3 },
      rejected: [
        { line: 2, code: 'invalid_event', message: 'this is not JSON: byte 1 is not expected: "x"' },
        { line: 4, code: 'topic_not_allowed', message: 'not there' },
        { line: 5, code: 'event_too_large', message: expect.stringContaining('longer than 1048576 bytes') },
      ],
    });
    const array = await published(await stage.post('[1,{"topic":"a","data":1,"x":2}]'));
    expect(array.rejected).toMatchObject([{ line: 2, code: 'bad_envelope' }]);
    expect(stage.producers.sums().http).toEqual({
      ...{ open: 0, accepted: 3, bytes: 3 },
      rejected: { invalid_event: 1, topic_not_allowed: 1, event_too_large: 1, bad_envelope: 1 },
    });
  });

  test.each([
    ['{"a":', 'application/json', 400, 'invalid_event', 'this is not JSON: it ends after 5 bytes'],
    ['[1,]', 'application/json', 400, 'invalid_event', 'this is not JSON: byte 4 is not expected: "]"'],
    ['x\ny\n', ndjson, 400, 'invalid_event', 'none of 2 events was taken; number 1: this is not JSON'],
    ['{"topic":"greenroom.x","data":1}', 'application/json', 403, 'topic_reserved', "the gateway's own"],
    ['{"topic":"forbidden","data":1}', 'application/json', 403, 'topic_not_allowed', 'not there'],
    [' \n', 'application/json', 400, 'invalid_request', 'the body is empty'],
    ['"secret', 'application/json', 400, 'invalid_event', 'it ends after 7 bytes'],
    [
      Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]),
      'application/json',
      400,
      'invalid_event',
      'byte 2 is not UTF-8',
    ],
  ])('of which nothing is good is refused: %j', async (body, type, status, code, why) => {
    await using stage = await openStage();
    const answer = await failure(await stage.post(body, type));
    expect(answer).toMatchObject({
      status,
      code,
      message: expect.stringContaining(why),
      details: { accepted: 0 },
    });
    expect(stage.hub.published).toEqual([]);
  });

  test('is refused by its head alone', async () => {
    await using stage = await openStage();
    expect(await failure(await stage.post('1', 'text/html'))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    expect(await failure(await stage.post('1', ndjson, '?topic=a..b'))).toMatchObject({
      code: 'invalid_topic',
    });
    const forbidden = await failure(await stage.post('1', ndjson, '?topic=forbidden'));
    expect(forbidden).toMatchObject({ status: 403, code: 'topic_not_allowed' });
    expect(stage.producers.list()).toEqual([]);
  });

  test('of JSON over a mebibyte is refused with the way out', async () => {
    await using stage = await openStage();
    const answer = await failure(await stage.post(`[${'1,'.repeat(600_000)}1]`));
    expect(answer).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(answer.message).toContain('send NDJSON (content-type: application/x-ndjson)');
    expect([stage.hub.published, stage.waiting.taken]).toEqual([[], 0]);
  });

  test('of hundreds of thousands of small events is taken by turns', async () => {
    await using stage = await openStage();
    let between = 0;
    let state: 'on' | 'off' = 'on';
    const tick = () => {
      between += 1;
      if (state === 'on') setImmediate(tick);
    };
    const posting = stage.post(`[${'{},'.repeat(100_000)}1]`);
    await until(() => stage.hub.published.length > 0, { timeoutMs: 5000, what: 'the first event' });
    tick();
    expect(await published(await posting)).toMatchObject({ accepted: 100_001 });
    state = 'off';
    expect(between).toBeGreaterThan(5);
  });
});

describe('who posts', () => {
  test('is one producer, however many requests that takes', async () => {
    await using stage = await openStage();
    await Promise.all(Array.from({ length: 20 }, (_, count) => stage.post(String(count))));
    await until(() => stage.over.count === 20, { timeoutMs: 2000, what: 'the posts to be over' });
    expect(stage.producers.list()).toMatchObject([
      { id: 'http_1', kind: 'http', state: 'left', remote: '127.0.0.1', accepted: 20, connections: 0 },
    ]);
  });

  test('and is gone in the middle keeps what was accepted, and half a line is no event', async () => {
    await using stage = await openStage();
    await using post = await openPost(stage.url);
    post.chunk('1\n2\n34');
    await until(() => stage.hub.published.length === 2, { timeoutMs: 2000, what: 'two events' });
    post.raw.socket.destroy();
    await until(() => stage.over.count === 1, { timeoutMs: 2000, what: 'the post to be over' });
    expect(stage.hub.data).toEqual(['1', '2']);
    expect(stage.log.lines).toMatchObject([{ level: 'debug', facts: { accepted: 2, rejected: 0 } }]);
  });

  test('and is gone in the middle of JSON leaves nothing', async () => {
    await using stage = await openStage();
    await using raw = await RawSocket.dial(stage.url);
    raw.write('POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n[1,2');
    await until(() => stage.waiting.taken === 4, { timeoutMs: 2000, what: 'what has come' });
    raw.socket.destroy();
    await until(() => stage.over.count === 1, { timeoutMs: 2000, what: 'the post to be over' });
    expect([stage.hub.published, stage.waiting.taken]).toEqual([[], 0]);
  });

  test('and sends a broken body has published what came before', async () => {
    await using stage = await openStage();
    await using post = await openPost(stage.url);
    post.chunk('1\n');
    await until(() => stage.hub.published.length === 1, { timeoutMs: 2000, what: 'an event' });
    post.raw.write('this is no chunk\r\n');
    await until(() => stage.over.count === 1, { timeoutMs: 2000, what: 'the post to be over' });
    expect(stage.hub.data).toEqual(['1']);
  });

  test('slower than the hub takes it is not read meanwhile', async () => {
    await using stage = await openStage();
    stage.hub.onPublish = () => {
      for (const limit = performance.now() + 1; performance.now() < limit; );
    };
    const request = httpRequest(stage.url, { method: 'POST', headers: { 'content-type': ndjson } });
    request.on('error', () => undefined);
    let taken = false;
    request.end(`"${'x'.repeat(1000)}"\n`.repeat(20_000), () => {
      taken = true;
    });
    await until(() => stage.hub.published.length > 100, { timeoutMs: 2000, what: 'some events' });
    expect(taken).toBe(false);
    request.destroy();
    // That somebody has left shows only when he is read again.
    stage.hub.onPublish = () => undefined;
    await until(() => stage.over.count === 1, { timeoutMs: 2000, what: 'the post to be over' });
  });

  test('nothing for a minute is answered with what was accepted', async () => {
    const clock = new VirtualClock();
    await using stage = await openStage(clock);
    await using post = await openPost(stage.url);
    post.chunk('1\nx\n3');
    await until(() => stage.hub.published.length === 1, { timeoutMs: 2000, what: 'an event' });
    await clock.advance(silenceMsMax - 1);
    post.chunk('\n');
    await until(() => stage.hub.published.length === 2, { timeoutMs: 2000, what: 'another event' });
    await clock.advance(silenceMsMax - 1);
    expect(post.raw.text).toBe('');
    await clock.advance(2);
    const { status, body } = await post.raw.answer();
    expect([status, JSON.parse(body)]).toMatchObject([
      408,
      {
        error: {
          code: 'request_timeout',
          details: { accepted: 2, id: 'e.2', rejectedCount: 1, limit: silenceMsMax },
        },
      },
    ]);
    expect(clock.pending).toBeLessThanOrEqual(1);
  });

  test('JSON too slowly is refused', async () => {
    const clock = new VirtualClock();
    await using stage = await openStage(clock);
    await using raw = await RawSocket.dial(stage.url);
    raw.write('POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n[1,2');
    await until(() => stage.waiting.taken === 4, { timeoutMs: 2000, what: 'what has come' });
    await clock.advance(11_000);
    expect(await raw.answer()).toMatchObject({ status: 408 });
    expect(stage.waiting.taken).toBe(0);
  });
});

describe('leaving', () => {
  test('publishes the lines that have come, and says what was accepted', async () => {
    await using stage = await openStage();
    await using post = await openPost(stage.url);
    post.chunk('1\n2\n3');
    await until(() => stage.hub.published.length === 2, { timeoutMs: 2000, what: 'two events' });
    stage.leaving.abort();
    const { status, body } = await post.raw.answer();
    expect([status, JSON.parse(body)]).toMatchObject([
      503,
      { error: { code: 'server_shutdown', details: { accepted: 2, id: 'e.2' } } },
    ]);
    expect(stage.over.count).toBe(1);
    expect(await failure(await stage.post('1\n', ndjson))).toMatchObject({
      status: 503,
      code: 'server_shutdown',
    });
  });

  test('of the hub alone refuses each event', async () => {
    await using stage = await openStage();
    stage.hub.state = 'closed';
    expect(await failure(await stage.post('[1,2]'))).toMatchObject({
      ...{ status: 503, code: 'server_shutdown', details: { rejectedCount: 2 } },
    });
  });
});
