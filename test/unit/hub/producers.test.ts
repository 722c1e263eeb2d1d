import { expect, test } from 'vitest';
import { Producers } from '../../../src/hub/producers.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

test('of a producer everything is counted, and in the sum of its kind', async () => {
  const clock = new VirtualClock();
  const producers = new Producers(clock);
  const connectedAt = clock.wallTime();
  const producer = producers.open({ kind: 'process', pid: 42 });
  await clock.advance(1000);
  producer.accepted('e.1', 100);
  producer.accepted('e.2', 20);
  producer.rejected('invalid_event');
  producer.rejected('invalid_event');
  producer.rejected('topic_reserved');
  const rejected = { invalid_event: 2, topic_reserved: 1 };
  expect(producers.list()).toEqual([
    {
      ...{ id: 'process_1', kind: 'process', state: 'open', remote: null, pid: 42, connections: 1 },
      ...{ connectedAt, leftAt: null, accepted: 2, bytes: 120, rejected },
      last: { id: 'e.2', ts: connectedAt + 1000 },
    },
  ]);
  expect(producers.sums()).toMatchObject({
    process: { open: 1, accepted: 2, bytes: 120, rejected },
    unix: { open: 0, accepted: 0, bytes: 0, rejected: {} },
  });
  await clock.advance(1000);
  producer.left();
  producer.left();
  expect(producers.list()).toMatchObject([{ state: 'left', connections: 0, leftAt: connectedAt + 2000 }]);
  expect(producers.sums().process).toEqual({ open: 0, accepted: 2, bytes: 120, rejected });
});

test('the last hundred of those who left are remembered, the sums of all', () => {
  const producers = new Producers(new VirtualClock());
  const stays = producers.open({ kind: 'unix' });
  for (let count = 0; count < 1000; count += 1) {
    const producer = producers.open({ kind: 'unix' });
    producer.accepted('e.1', 1);
    producer.left();
  }
  const list = producers.list();
  expect([list.length, list[0]?.id, list[1]?.id, list.at(-1)?.id]).toEqual([
    101,
    stays.id,
    'unix_1001',
    'unix_902',
  ]);
  expect(producers.sums().unix).toEqual({ open: 1, accepted: 1000, bytes: 1000, rejected: {} });
});

test('requests of one caller are one producer, also after a pause, and not for ever', () => {
  const producers = new Producers(new VirtualClock());
  const post = (same: string) => producers.open({ kind: 'http', remote: '::1', same });
  const [one, two] = [post('a'), post('a')];
  one.accepted('e.1', 1);
  one.left();
  two.accepted('e.2', 1);
  expect(producers.list()).toMatchObject([{ id: 'http_1', state: 'open', connections: 1, accepted: 2 }]);
  two.left();
  expect(post('a').id).toBe('http_1');
  expect(producers.list()).toMatchObject([{ state: 'open', leftAt: null, connections: 1 }]);
  const other = post('b');
  expect(other.id).toBe('http_2');
  other.left();
  for (let count = 0; count < 100; count += 1) post(`c${count}`).left();
  expect(producers.list()).toHaveLength(101);
  expect(post('b').id).toBe('http_103');
});
