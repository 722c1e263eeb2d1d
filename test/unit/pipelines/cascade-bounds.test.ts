// No caller of a cascade waits without bound, and no engine that goes on after it was told to stop reaches anybody.
import { describe, expect, test } from 'vitest';
import { CascadeWorld, type Scripts } from '../../support/cascade-world.ts';
import { heard, sound, stop, word } from '../../support/scripted-engine.ts';

const next: Scripts = {
  hear: [[heard('Hello.')]],
  think: [[word('Yes.'), stop]],
  speak: [[sound(100)]],
};
const late: readonly (readonly [string, Scripts, number, string])[] = [
  [
    'hears gives nothing',
    { hear: [['hangs'], [heard('Hello.')]] },
    60_000,
    'engine ears: transcription: its first part did not come within 60000 ms',
  ],
  [
    'hears stops half-way',
    { hear: [[{ text: 'Hel', final: false }, 'hangs'], [heard('Hello.')]] },
    30_000,
    'engine ears: transcription: its part 2 did not come within 30000 ms',
  ],
  [
    'thinks gives nothing',
    { think: [['hangs'], [word('Yes.'), stop]] },
    60_000,
    'engine mind: chat: its first part did not come within 60000 ms',
  ],
  [
    'thinks stops half-way, and ignores its cancel',
    {
      think: [
        [word('I was'), 'ignores', 'hangs'],
        [word('Yes.'), stop],
      ],
    },
    30_000,
    'engine mind: chat: its part 2 did not come within 30000 ms',
  ],
  [
    'speaks gives nothing',
    { speak: [['hangs'], [sound(100)]] },
    60_000,
    'engine voice: speech: its first part did not come within 60000 ms',
  ],
  [
    'speaks stops half-way',
    { speak: [[sound(100), 'hangs'], [sound(100)]] },
    30_000,
    'engine voice: speech: its part 2 did not come within 30000 ms',
  ],
];

describe.each(late)('who %s', (_what, scripts, ms, message) => {
  test('fails the answer in time, by name, and the next one is answered', async () => {
    const world = new CascadeWorld({ ...next, ...scripts });
    const caller = await world.call();
    await caller.speaks();
    await world.advance(ms - 1);
    expect(caller.answers()).toEqual([]);
    await world.advance(100);
    expect(caller.answers()).toMatchObject([{ status: 'failed', why: 'engine_stalled' }]);
    const [done] = caller.transport.all('response.done');
    expect(done).toMatchObject({ response: { status_details: { error: { message } } } });
    await caller.speaks();
    await world.advance(1000);
    expect(caller.answers()[1]).toMatchObject({ status: 'completed', said: ['Yes.'] });
    if (!JSON.stringify(scripts).includes('ignores')) await world.end(caller);
  });
});

test('who takes its time, and gives something now and then, is waited for', async () => {
  const words = Array.from({ length: 5 }, () => [25_000, word('on and ')]).flat();
  const world = new CascadeWorld({ ...next, think: [[30_000, ...words, word('on.'), stop]] });
  const caller = await world.call();
  await caller.speaks();
  await world.advance(200_000);
  expect(caller.answers()).toMatchObject([{ status: 'completed' }]);
  await world.end(caller);
});

const stale: readonly (readonly [string, Scripts])[] = [
  [
    'thinks on',
    {
      ...next,
      think: [
        [word('Old one. '), 'ignores', 1000, word('Old two. '), 1000, word('Old three.'), stop],
        [word('New.'), 2000, stop],
      ],
    },
  ],
  [
    'speaks on',
    {
      ...next,
      think: [
        [word('Old one. '), stop],
        [word('New.'), 2000, stop],
      ],
      speak: [[sound(500, 1), 'ignores', 1000, sound(500, 2), 1000, sound(500, 3)], [sound(100, 4)]],
    },
  ],
];

describe.each(stale)('an engine that was told to stop and %s', (_what, scripts) => {
  test('reaches nobody: the next answer has its own words and sound alone', async () => {
    const world = new CascadeWorld(scripts);
    const caller = await world.call();
    await caller.speaks();
    await world.advance(100);
    await caller.sounds(600, 1000);
    await world.advance(10);
    // It still runs, and holds nobody.
    expect(world.underWay.reduce((sum, calls) => sum + calls)).toBe(1);
    expect(JSON.stringify(world.sessions.root.tree())).not.toMatch(/stages of|answer resp/);
    await caller.sounds(800, 0);
    await world.advance(5000);
    const [cancelled, answered] = caller.answers();
    expect(cancelled).toMatchObject({ status: 'cancelled', why: 'turn_detected' });
    expect(answered).toEqual({ status: 'completed', why: null, said: ['New.'], ms: 100 });
    await world.end(caller);
  });
});
