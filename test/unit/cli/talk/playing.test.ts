import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addAudio, allWhole, due, heard, orphaned, type Tracks } from '../../../../src/cli/talk/playing.ts';

const second = 24_000;
const leadMs = 250;

/** Plays until `untilMs`, a millisecond at a time; answers what was handed over, and when. */
function play(given: Tracks, fromMs: number, untilMs: number) {
  let tracks = given;
  const fed: { readonly atMs: number; readonly samples: number; readonly first: number }[] = [];
  let state = '';
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 1) {
    for (let step = due(tracks, nowMs); ; step = due(tracks, nowMs)) {
      tracks = step.tracks;
      state = step.state;
      if (step.state !== 'piece') break;
      fed.push({ atMs: nowMs, samples: step.pcm.length, first: step.pcm[0] ?? 0 });
    }
  }
  return { tracks, fed, state, samples: fed.reduce((sum, { samples }) => sum + samples, 0) };
}

describe('playback', () => {
  test('hands over what is due, a quarter of a second ahead and no more', () => {
    const tracks = addAudio([], 'a', 0, new Int16Array(2 * second));
    const { samples, fed } = play(tracks, 0, 500);
    expect(samples / 24).toBeGreaterThanOrEqual(500 + leadMs);
    expect(samples / 24).toBeLessThanOrEqual(500 + leadMs + 40);
    expect(fed[0]?.atMs).toBe(0);
  });

  test('is over when all of it has been heard, not when it was handed over', () => {
    const tracks = allWhole(addAudio([], 'a', 0, new Int16Array(second / 2)));
    expect(play(tracks, 0, 499).state).toBe('later');
    expect(play(tracks, 0, 500).state).toBe('done');
  });

  test('waits for an answer that is not complete, and what comes late is heard later', () => {
    const begun = play(addAudio([], 'a', 0, new Int16Array(second / 10)), 0, 300);
    expect(begun.state).toBe('starved');
    expect(heard(begun.tracks, 300)).toEqual([{ itemId: 'a', contentIndex: 0, ms: 100 }]);
    const more = play(addAudio(begun.tracks, 'a', 0, new Int16Array(second)), 300, 400);
    expect(heard(more.tracks, 400)).toEqual([{ itemId: 'a', contentIndex: 0, ms: 200 }]);
  });

  test('plays one answer after the other, and knows of each how much was heard', () => {
    const one = addAudio([], 'a', 0, new Int16Array(second / 10).fill(1));
    const two = addAudio(allWhole(one), 'b', 0, new Int16Array(second).fill(2));
    const { fed, tracks } = play(two, 0, 150);
    expect(fed.find(({ first }) => first === 2)?.atMs).toBe(100);
    expect(heard(tracks, 150)).toEqual([{ itemId: 'b', contentIndex: 0, ms: 50 }]);
    expect(heard(two, 0)).toEqual([
      { itemId: 'a', contentIndex: 0, ms: 0 },
      { itemId: 'b', contentIndex: 0, ms: 0 },
    ]);
  });

  test('of a session that is over goes on, and nobody is told what was heard', () => {
    const tracks = orphaned(addAudio([], 'a', 0, new Int16Array(second / 10)));
    expect(heard(tracks, 50)).toEqual([]);
    expect(play(tracks, 0, 100).state).toBe('done');
  });
});

test('whatever comes when: all of it is played in order, and nobody has heard more than there was', () => {
  const arrivals = fc.array(
    fc.record({ ms: fc.integer({ min: 0, max: 400 }), samples: fc.integer({ min: 1, max: 9600 }) }),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(arrivals, (steps) => {
      let tracks: Tracks = [];
      let nowMs = 0;
      let [given, played] = [0, 0];
      const order: number[] = [];
      steps.forEach(({ ms, samples }, index) => {
        tracks = addAudio(tracks, 'a', 0, new Int16Array(samples).fill(index + 1));
        given += samples;
        const step = play(tracks, nowMs, nowMs + ms);
        ({ tracks } = step);
        nowMs += ms + 1;
        played += step.samples;
        order.push(...step.fed.map(({ first }) => first));
        expect(heard(tracks, nowMs)[0]?.ms).toBeLessThanOrEqual(Math.ceil(played / 24));
      });
      const rest = play(allWhole(tracks), nowMs, nowMs + 6000);
      expect(rest.state).toBe('done');
      expect(played + rest.samples).toBe(given);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }),
    { numRuns: 40 },
  );
});
