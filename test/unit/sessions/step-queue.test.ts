// One thing after the other, and a fault of ours ends one call alone.
import { expect, test } from 'vitest';
import { StepQueue } from '../../../src/sessions/step-queue.ts';

test('what comes of a step waits for its end', () => {
  const seen: number[] = [];
  const steps = new StepQueue<number>({
    ...{ id: 'sess_1', onFault: () => undefined, onEnd: () => undefined },
    step: (input) => {
      if (input < 3) steps.feed(input + 1);
      seen.push(input);
    },
  });
  steps.feed(1);
  expect(seen).toEqual([1, 2, 3]);
});

test('a step that throws ends its call once, and nobody else hears of it', () => {
  const faults: unknown[] = [];
  const ends: unknown[] = [];
  const steps = new StepQueue<string>({
    id: 'sess_1',
    step: (input) => {
      steps.feed('after');
      throw new Error(`no ${input}`);
    },
    onFault: (what, error) => void faults.push([what, String(error)]),
    onEnd: (reason, { code, message }) => void ends.push([reason, code, message]),
  });
  steps.feed('first');
  steps.feed('second');
  expect(faults).toEqual([['a step', 'Error: no first']]);
  expect(ends).toEqual([
    [
      ...['internal_error', 'internal_error'],
      'session sess_1 met a fault of the gateway, which its log has; call again',
    ],
  ]);
});
