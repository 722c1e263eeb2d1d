import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dataBytesMax, type ReadPublication } from '../../../src/hub/publication.ts';
import { publicationOf, type ReadOptions, readPublication, readPublish } from '../../../src/hub/published.ts';

const good = (read: ReadPublication) => {
  if (read.state === 'bad') throw read.error;
  const { topic, key, data } = read.publication;
  return { topic, key, data: Buffer.from(data).toString() };
};
const bad = (read: ReadPublication) => {
  if (read.state === 'good') throw new Error(`taken: ${Buffer.from(read.publication.data)}`);
  return read.error;
};
const read = (text: string | Uint8Array, options?: ReadOptions) =>
  readPublication(typeof text === 'string' ? Buffer.from(text) : text, options);

describe('an event', () => {
  test('is itself the data, byte for byte, of the topic of its machine', () => {
    const text = '{ "machine_name":"face_processor", "n":12345678901234567890,"s":"\\u0041\\/" }';
    expect(good(read(` ${text}\r`))).toEqual({ topic: 'face_processor', key: null, data: text });
    expect(good(read('{"machine_name":7}')).topic).toBe('default');
    expect(good(read('{"machine_name":"a","machine_name":"\\u0062"}')).topic).toBe('b');
    expect(good(read('{"topic":"a"}'))).toEqual({ topic: 'default', key: null, data: '{"topic":"a"}' });
    expect(good(read('{"topic":7,"data":1}'))).toMatchObject({
      topic: 'default',
      data: '{"topic":7,"data":1}',
    });
    expect(good(read('{}'))).toMatchObject({ topic: 'default', data: '{}' });
  });

  test.each(['42', '-0.0', '"text"', 'null', '[1, {"topic":"a","data":1}]'])(
    'may be no object: %s',
    (text) => {
      expect(good(read(text))).toEqual({ topic: 'default', key: null, data: text });
      expect(good(read(text, { as: 'mine' })).topic).toBe('mine');
    },
  );

  test('may be an envelope: its data is cut out as it came', () => {
    expect(good(read('{"topic":"a.b","data": { "x" : 1e400 } ,"key":"k"}'))).toEqual({
      ...{ topic: 'a.b', key: 'k', data: '{ "x" : 1e400 }' },
    });
    expect(good(read('{"data":null,"\\u0074opic":"\\u00e9","key":null}'))).toEqual({
      ...{ topic: 'é', key: null, data: 'null' },
    });
    expect(good(read('{"topic":"a","data":1,"data":2}')).data).toBe('2');
    expect(good(read('{"topic":"a","data":1}', { as: 'b' }))).toEqual({ topic: 'b', key: null, data: '1' });
  });

  test('is data alone when it is raw', () => {
    const text = '{"topic":"a","data":1,"more":2}';
    expect(good(read(text, { raw: true }))).toEqual({ topic: 'default', key: null, data: text });
    expect(good(read(text, { raw: true, as: 'b' })).topic).toBe('b');
    expect(good(read('{"machine_name":"m","topic":"a","data":1}', { raw: true })).topic).toBe('m');
  });

  test('with keys beside topic and data is refused, and the key is named with the way out', () => {
    const { code, message } = bad(read('{"topic":"a","data":1,"ts":5}'));
    expect([code, message]).toEqual([
      'bad_envelope',
      'an event with `topic` and `data` has `key` beside them, not "ts"; to publish it as it is, ask with `raw=1`, or put it into `data`',
    ]);
    expect(bad(read('{"topic":"a","data":1,"machine_name":"m"}')).message).toContain('"machine_name"');
    for (const key of ['7', '{}', `"${'k'.repeat(256)}"`])
      expect(bad(read(`{"topic":"a","data":1,"key":${key}}`)).message).toBe(
        'the `key` is to be a text of 255 bytes at most',
      );
  });

  test.each([
    ['{"machine_name":""}', {}, 'invalid_topic', 'it is empty'],
    ['{"machine_name":"a..b"}', {}, 'invalid_topic', 'it has an empty token'],
    ['{"topic":"a.*","data":1}', {}, 'invalid_topic', 'a comma, a wildcard'],
    ['{"topic":"\\ud800","data":1}', {}, 'invalid_topic', 'half a character'],
    ['1', { as: '>' }, 'invalid_topic', 'such as "machine.state"'],
    [`{"topic":"${'a'.repeat(256)}","data":1}`, {}, 'invalid_topic', 'longer than 255 bytes'],
    ['{"topic":"greenroom.engine.x","data":1}', {}, 'topic_reserved', "the gateway's own"],
    ['{"machine_name":"greenroom"}', {}, 'topic_reserved', '"greenroom"'],
    ['1', { as: 'greenroom.x', raw: true }, 'topic_reserved', 'take another name'],
  ] as const)('%s %j: %s', (text, options, code, why) => {
    const error = bad(read(text, options));
    expect(error.code).toBe(code);
    expect(error.message).toContain(why);
  });

  test.each([
    ['', 'this is not JSON: it ends after 0 bytes', 0],
    ['{"a":1', 'this is not JSON: it ends after 6 bytes', 6],
    ['{"é":x}', 'this is not JSON: byte 7 is not expected: "x"', 6],
    ['hello', 'this is not JSON: byte 1 is not expected: "h"', 0],
    [
      '{"a":1}\n{"a":2}',
      'this is not JSON: byte 9 begins another value; several are an array, or NDJSON (one a line, of type application/x-ndjson)',
      8,
    ],
    ['{"a":"\u0000"}', 'this is not JSON: byte 7 is not expected: "\\u0000"', 6],
    [Buffer.from('{"\uFFFDé":"\xff"}'.replace('\xff', '')).fill(0xff, 8, 9), 'byte 9 is not UTF-8: 0xff', 8],
    [Buffer.from([0x22, 0xc3, 0x22]), 'byte 2 is not UTF-8: 0xc3', 1],
  ])('%j is refused with the place', (text, message, at) => {
    const error = bad(read(text));
    expect([error.code, error.message, error.details]).toEqual(['invalid_event', message, { at }]);
  });

  test('has a limit, which counts the data alone', () => {
    const data = JSON.stringify('x'.repeat(dataBytesMax - 2));
    expect(good(read(`{"topic":"a","data":${data}}`)).data.length).toBe(dataBytesMax);
    const { code, message, details } = bad(read(`"x${data.slice(1)}`));
    expect([code, details]).toEqual(['event_too_large', { limit: dataBytesMax }]);
    expect(message).toContain(`${dataBytesMax + 1} bytes, and ${dataBytesMax} are the most`);
  });
});

describe('what a program publishes in process', () => {
  const made = (topic: unknown, key: unknown) =>
    publicationOf(topic as string, Buffer.from('1'), key as string | null);

  test('is held to what everybody is held to', () => {
    expect(made('a', 'k'.repeat(255)).state).toBe('good');
    for (const key of ['k'.repeat(256), 5, { key: 'x' }, undefined])
      expect(bad(made('a', key))).toMatchObject({ code: 'bad_envelope' });
    for (const topic of [undefined, 5, {}]) expect(bad(made(topic, null)).code).toBe('invalid_topic');
  });
});

describe('a publish message', () => {
  const publish = (text: string) => readPublish(Buffer.from(text));

  test('is read with its topic, key and ref; the data is cut out', () => {
    const message = publish('{"type":"publish","ref":7,"topic":"a","key":"k","data": [1, 1e400]}');
    expect([good(message), message.ref]).toEqual([{ topic: 'a', key: 'k', data: '[1, 1e400]' }, 7]);
    expect(good(publish('{"type":"publish","data":{"machine_name":"m"}}')).topic).toBe('m');
    expect(good(publish('{"type":"publish","data":{"topic":"a","data":1}}'))).toEqual({
      ...{ topic: 'default', key: null, data: '{"topic":"a","data":1}' },
    });
    expect(good(publish('{"type":"publish","data":1}')).topic).toBe('default');
  });

  test.each([
    ['{"type":"publish","ref":"r"}', 'bad_envelope', '`data`', 'r'],
    ['{"type":"publish","data":1,"machine_name":"m","ref":"r"}', 'bad_envelope', '"machine_name"', 'r'],
    ['{"type":"publish","data":1,"extra":1,"ref":1}', 'bad_envelope', '"extra"', 1],
    ['{"type":"publish","topic":7,"data":1,"ref":{}}', 'invalid_topic', 'is to be a text', undefined],
    ['{"type":"publish","topic":"greenroom.x","data":1,"ref":"r"}', 'topic_reserved', 'greenroom.x', 'r'],
    ['[1]', 'bad_envelope', '`data`', undefined],
    ['{"type":', 'invalid_event', 'ends after 8 bytes', undefined],
  ])('%s is refused, with its ref', (text, code, why, ref) => {
    const message = publish(text);
    expect([bad(message).code, message.ref]).toEqual([code, ref]);
    expect(bad(message).message).toContain(why);
  });
});

/** As JSON.parse sees it. */
function model(text: string): { readonly topic: string; readonly data: unknown } {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { topic: 'default', data: value };
  const { topic, data, machine_name } = value as Record<string, unknown>;
  if (typeof topic === 'string' && Object.hasOwn(value, 'data')) return { topic, data };
  return { topic: typeof machine_name === 'string' ? machine_name : 'default', data: value };
}

const eventText = fc
  .record(
    {
      topic: fc.oneof(fc.constantFrom('a', 'b.c'), fc.jsonValue()),
      data: fc.jsonValue(),
      key: fc.string(),
      machine_name: fc.oneof(fc.constant('m'), fc.string()),
      x: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  .chain((value) => fc.constantFrom(JSON.stringify(value), JSON.stringify(value, undefined, 2)));

test('what comes out stood there, and is what JSON.parse finds', () => {
  fc.assert(
    fc.property(fc.oneof(eventText, fc.json()), (text) => {
      const outcome = read(text);
      if (outcome.state === 'bad') {
        expect(['invalid_topic', 'bad_envelope']).toContain(outcome.error.code);
        return;
      }
      const { topic, data } = good(outcome);
      expect(text).toContain(data);
      expect({ topic, data: JSON.parse(data) }).toEqual(model(text));
    }),
    { numRuns: 1000 },
  );
});

test('whatever the bytes, nothing is thrown, and what is good was JSON', () => {
  const options = fc.record({ raw: fc.boolean(), as: fc.option(fc.string(), { nil: undefined }) });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string().map((text) => Buffer.from(text)),
      ),
      options,
      (bytes, how) => {
        const outcome = readPublication(bytes, how);
        readPublish(bytes);
        if (outcome.state === 'good') JSON.parse(good(outcome).data);
      },
    ),
    { numRuns: 1000 },
  );
});
