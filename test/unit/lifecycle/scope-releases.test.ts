import { expect, test } from 'vitest';
import type { Ending } from '../../../src/lifecycle/report.ts';
import { groundOf } from './ground.ts';

test('everything that is released is told with its time, and every scope after what it owned', async () => {
  const told: Ending[] = [];
  const { root, note, within } = groundOf({ onRelease: (ending) => told.push(ending) });
  const session = root.child('session', { kind: 'session' });
  session.defer('transport', note('transport', 30));
  session.defer('broken', () => Promise.reject(new Error('no')));
  const task = session.spawn(
    'listen',
    (signal) => new Promise((done) => signal.addEventListener('abort', done)),
  );
  root.defer('file', { close: note('file', 5), destroy: () => undefined });
  const early = root.defer('early', note('early'));
  await early.release();
  expect(told.map(({ path }) => path)).toEqual(['root/early']);
  await within(200, root.close('server_shutdown'));
  expect((await task.done).state).toBe('cancelled');
  expect(told.slice(1).map(({ path, kind, result, ms }) => [path, kind, result, ms])).toEqual([
    ['root/file', 'resource', 'done', 5],
    ['root/session/listen', 'task', 'done', 0],
    ['root/session/broken', 'resource', 'failed', 0],
    ['root/session/transport', 'resource', 'done', 30],
    ['root/session', 'session', 'done', 30],
    ['root', 'scope', 'done', 35],
  ]);
});

test('what is overdue is told as such, once', async () => {
  const told: Ending[] = [];
  const { root, note, within } = groundOf({ onRelease: (ending) => told.push(ending) });
  root.child('inner').defer('slow', note('slow', 500));
  await within(1000, root.close('done', { graceMs: 100 }));
  expect(told.map(({ path, result }) => `${path} ${result}`)).toEqual([
    'root/inner/slow overdue',
    'root/inner done',
    'root done',
  ]);
});
