// What a watcher's address asks for.
import { describe, expect, test } from 'vitest';
import { watchQuery } from '../../../../src/gateway/events/watch-query.ts';

const query = (search: string, headers = {}, everything?: readonly string[]) =>
  watchQuery(new URL(`http://gateway/v1/events${search}`), headers, everything);

describe('the topics', () => {
  test('are asked for in one list or several', () => {
    expect(query('?topics=b,a.*&topics=c').interest.patterns).toEqual(['a.*', 'b', 'c']);
  });

  test('are all that may be watched where none is named', () => {
    expect(query('').interest.patterns).toEqual(['>']);
    expect(query('', {}, ['m.>', 'page']).interest.patterns).toEqual(['m.>', 'page']);
    // Who may watch nothing is refused by what it asks for.
    expect(query('', {}, []).interest.patterns).toEqual(['>']);
  });
});

test('a browser that comes back by itself knows better than its address where it was', () => {
  expect(query('?since=e.1', { 'last-event-id': 'e.7' }).since).toBe('e.7');
  expect(query('?lastEventId=e.3').since).toBe('e.3');
});

test.each([
  ['?topic=a', /"topic" is no parameter; there are topics, since/],
  ['?since=yesterday', /since is the id of an event/],
  ['?policy=drop', /policy is one of evict, skip, conflate/],
  ['?envelope=off&policy=skip', /envelope=off has no place for/],
  ['?snapshot=yes', /snapshot is one of/],
  ['?client=a%20b', /client is 1 to 64/],
  ['?topics=a..b', /asks for no topic/],
  ['?topics=greenroom.%3E,a', /open a connection for each/],
])('%s is refused', (search, message) => {
  expect(() => query(search)).toThrow(message);
});
