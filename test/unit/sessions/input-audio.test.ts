// What a caller appended, by position.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AudioBudget, InputAudio } from '../../../src/sessions/input-audio.ts';

const step = fc.oneof(
  fc.record({ append: fc.integer({ min: 1, max: 6000 }) }),
  fc.record({ dropTo: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

test('any mix of appends and drops leaves exactly the samples between its positions, and the budget at their bytes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budget = new AudioBudget(1_000_000);
      const audio = new InputAudio(budget);
      const all: number[] = [];
      let dropped = 0;
      for (const each of steps) {
        if ('append' in each) {
          const pcm = Int16Array.from({ length: each.append }, (_, at) => (all.length + at) % 30_000);
          audio.append(pcm);
          all.push(...pcm);
        } else {
          dropped = Math.max(dropped, Math.floor(all.length * each.dropTo));
          audio.dropBefore(dropped);
        }
        expect(audio.startSample).toBe(dropped);
        expect(audio.endSample).toBe(all.length);
        expect(budget.bytes).toBe((all.length - dropped) * 2);
        expect([...audio.slice(0, all.length)]).toEqual(all.slice(dropped));
      }
    }),
    { numRuns: 100 },
  );
});

test('a flood of one-sample appends is kept and dropped as a whole', () => {
  const audio = new InputAudio(new AudioBudget(10_000_000));
  const one = Int16Array.of(7);
  for (let at = 0; at < 200_000; at += 1) audio.append(one);
  expect(audio.slice(100_000, 100_010)).toEqual(new Int16Array(10).fill(7));
  audio.dropBefore(199_999);
  expect(audio.bytes).toBe(2);
});
