// The table of recordings follows the disk: a look at all of it, then every change, a few at a time.
import { expect, test } from 'vitest';
import { RecordingsLedger } from '../../../src/gateway/recordings-ledger.ts';
import type { TakeFacts } from '../../../src/recordings/facts.ts';
import type { RecordingChange } from '../../../src/recordings/recordings.ts';
import type { Flushed, Write } from '../../../src/store/store.ts';
import { Announcer } from '../../../src/telemetry/announcer.ts';
import { until } from '../../support/poll.ts';
import { factsOf } from '../recordings/takes.ts';
import { place } from '../store/place.ts';

function ledger() {
  const fault = (error: unknown) => {
    throw error;
  };
  const recordings = {
    changes: new Announcer<RecordingChange>(fault),
    looks: new Announcer<readonly TakeFacts[]>(fault),
  };
  const writes: Write[] = [];
  const flushes: ((flushed: Flushed) => void)[] = [];
  let looks = 0;
  new RecordingsLedger({
    recordings,
    store: {
      write: (write) => void writes.push(write),
      flush: () => new Promise((resolve) => flushes.push(resolve)),
    },
    newId: () => `look ${(looks += 1)}`,
  });
  return { recordings, writes, flushes };
}

test('what a look has not found is gone, and so is what is removed; what is recorded later stays', async () => {
  await using it = await place();
  const database = it.run('mine');
  const { recordings, writes } = ledger();
  const rows = () => {
    database.write(writes.splice(0));
    return it.rows('SELECT id, state FROM recordings ORDER BY id').map(({ id, state }) => `${id} ${state}`);
  };
  recordings.changes.announce({ type: 'started', take: { ...factsOf('old', 1), state: 'recording' } });
  recordings.changes.announce({ type: 'ended', take: factsOf('old', 2) });
  expect(rows()).toEqual(['old/1 recording', 'old/2 finished']);
  // Of the next gateway, which has found the first one cut short and the second one gone.
  recordings.looks.announce([{ ...factsOf('old', 1), state: 'interrupted' }]);
  recordings.changes.announce({ type: 'ended', take: factsOf('new', 1) });
  expect(rows()).toEqual(['new/1 finished', 'old/1 interrupted']);
  recordings.changes.announce({ type: 'removed', take: factsOf('old', 1) });
  expect(rows()).toEqual(['new/1 finished']);
  recordings.looks.announce([]);
  expect(rows()).toEqual([]);
});

test('very many go to the store a few at a time, in order, also where the disk refuses', async () => {
  const { recordings, writes, flushes } = ledger();
  recordings.looks.announce(Array.from({ length: 1200 }, (_, each) => factsOf('many', each + 1)));
  recordings.changes.announce({ type: 'removed', take: factsOf('many', 1200) });
  expect(writes).toHaveLength(500);
  flushes.shift()?.({ state: 'saved' });
  await until(() => writes.length === 1000, { timeoutMs: 2000, what: 'the next ones' });
  flushes.shift()?.({ state: 'lost', why: 'the disk is full' });
  await until(() => writes.length === 1202, { timeoutMs: 2000, what: 'the rest' });
  expect(writes.slice(-3).map(({ type }) => type)).toEqual([
    ...['recording', 'recordings_seen', 'recording_removed'],
  ]);
});
