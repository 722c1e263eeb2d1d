import { expect, test } from 'vitest';
import { neededChars } from '../../../../src/engines/shown.ts';
import { Progress } from '../../../../src/engines/worker/progress.ts';
import { type FromHost, progressCharsMax } from '../../../../src/engines/worker/protocol.ts';
import { until } from '../../../support/poll.ts';

test('what is told now and then is told at once, also before a load that blocks', () => {
  const posted: FromHost[] = [];
  const progress = new Progress((message) => posted.push(message));
  progress.tell(0.1, 'reading');
  progress.tell(0.2, 'compiling');
  progress.tell(2);
  progress.tell(Number.NaN);
  progress.end();
  expect(posted).toEqual([
    { type: 'progress', fraction: 0.1, text: 'reading' },
    { type: 'progress', fraction: 0.2, text: 'compiling' },
    { type: 'progress', fraction: 1, text: null },
    { type: 'progress', fraction: 0, text: null },
  ]);
});

test('of a flood a few are told, the latest among them', async () => {
  const posted: FromHost[] = [];
  const progress = new Progress((message) => posted.push(message));
  for (let at = 0; at <= 100_000; at += 1) progress.tell(at / 100_000, `item ${at}`);
  await until(
    () => posted.at(-1)?.type === 'progress' && JSON.stringify(posted.at(-1)).includes('item 100000'),
    {
      timeoutMs: 1000,
      what: 'the latest',
    },
  );
  expect(posted.length).toBeLessThan(60);
  progress.end();
  progress.tell(0.5);
  expect(JSON.stringify(posted.at(-1))).toContain('item 100000');
});

test('a long text is sent with more than is shown, and not without end: the secret in it is masked later', () => {
  const posted: FromHost[] = [];
  const progress = new Progress((message) => posted.push(message));
  progress.tell(0.5, 'x'.repeat(10_000_000));
  progress.end();
  expect(posted).toEqual([
    { type: 'progress', fraction: 0.5, text: 'x'.repeat(neededChars(progressCharsMax)) },
  ]);
});
