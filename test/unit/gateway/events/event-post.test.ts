import { describe, expect, test } from 'vitest';
import { eventPostHead } from '../../../../src/gateway/events/event-post.ts';
import { Tally } from '../../../../src/gateway/events/tally.ts';
import { GreenroomError } from '../../../../src/lifecycle/errors.ts';

const head = (query: string, type?: string, encoding?: string) =>
  eventPostHead(new URLSearchParams(query), {
    ...(type !== undefined && { 'content-type': type }),
    ...(encoding !== undefined && { 'content-encoding': encoding }),
  });

describe('the head of a post', () => {
  test.each([
    [undefined, 'json'],
    ['application/json; charset=utf-8', 'json'],
    ['application/cloudevents+json', 'json'],
    ['application/x-www-form-urlencoded', 'json'],
    ['application/x-ndjson', 'ndjson'],
    ['Application/X-NDJSON; charset=utf-8', 'ndjson'],
    ['application/jsonl', 'ndjson'],
  ])('of type %j is %s', (type, form) => {
    expect(head('', type)).toEqual({ form, raw: false, as: undefined });
  });

  test('says where the events go, and whether they are raw', () => {
    expect(head('topic=a.b&raw=1&token=x')).toEqual({ form: 'json', raw: true, as: 'a.b' });
    expect([head('raw').raw, head('raw=TRUE').raw, head('raw=0').raw]).toEqual([true, true, false]);
  });

  test.each([
    ['raw=maybe', undefined, undefined, 'invalid_request', 'raw="maybe"'],
    [
      'topics=a',
      undefined,
      undefined,
      'invalid_request',
      '"topics" is no parameter; there are topic, raw, token',
    ],
    ['topic=', undefined, undefined, 'invalid_topic', 'it is empty'],
    ['topic=a.*', undefined, undefined, 'invalid_topic', 'wildcard'],
    ['topic=greenroom.x', undefined, undefined, 'topic_reserved', 'greenroom.x'],
    ['', 'text/html', undefined, 'invalid_request', 'application/x-ndjson for one a line'],
    ['', 'application/json', 'gzip', 'invalid_request', '"gzip" is not unpacked'],
  ])('%j, %j, %j is refused: %s', (query, type, encoding, code, why) => {
    expect(() => head(query, type, encoding)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(why) }),
    );
  });
});

describe('the tally of a post', () => {
  const bad = (message: string) =>
    ({ state: 'rejected', error: new GreenroomError('invalid_event', message) }) as const;

  test('lists a hundred, and counts all', () => {
    const tally = new Tally();
    for (let line = 1; line <= 250; line += 1) tally.add(line, bad(`bad ${line}`));
    expect(tally.published.rejected).toHaveLength(100);
    expect(tally.failure).toMatchObject({
      ...{ code: 'invalid_event', message: 'none of 250 events was taken; number 1: bad 1' },
      details: { accepted: 0, id: null, rejectedCount: 250 },
    });
    tally.add(251, { state: 'accepted', id: 'e.7', topic: 'a' });
    expect(tally.published).toMatchObject({ accepted: 1, id: 'e.7', topic: 'a', rejectedCount: 250 });
    expect(tally.failure).toBeUndefined();
  });

  test('of nothing is no failure; of one it says what is wrong with that', () => {
    const tally = new Tally();
    expect([tally.failure, tally.published]).toEqual([
      undefined,
      { accepted: 0, id: null, topic: null, rejectedCount: 0, rejected: [] },
    ]);
    tally.add(1, bad('bad'));
    expect(tally.failure?.message).toBe('bad');
  });
});
