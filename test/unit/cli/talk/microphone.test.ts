// What is read of a program that records, and when it is over; with real programs in test/process/live.test.ts.
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readMicrophone } from '../../../../src/cli/talk/microphone.ts';
import type { ChildEnd } from '../../../../src/cli/talk/sound-child.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

const second = 48_000;

/** A recorder that writes what it is told to, and the time it takes to hear it. */
function recorder(read: (this: Readable) => void) {
  const clock = new VirtualClock();
  const stdout = new Readable({ read });
  const end = Promise.withResolvers<ChildEnd>();
  const { signal } = new AbortController();
  let samples = 0;
  const onPcm = (pcm: Int16Array) => {
    samples += pcm.length;
  };
  const reading = readMicrophone({ child: { stdout, ended: end.promise }, clock, signal, onPcm });
  let state: 'reads' | 'over' = 'reads';
  void reading.then(() => {
    state = 'over';
  });
  return {
    clock,
    stdout,
    exit: () => end.resolve({ state: 'finished', words: 'it exited with code 0' }),
    heardMs: () => samples / 24,
    state: () => state,
  };
}

test('what it wrote before its end is all heard, at the pace of speech, although its pipe stays open', async () => {
  let left = 5;
  const { clock, exit, heardMs, state } = recorder(function () {
    if (left-- > 0) this.push(Buffer.alloc(second));
  });
  exit();
  await clock.advance(4000);
  expect([heardMs(), state()]).toEqual([4440, 'reads']);
  await clock.advance(1000);
  expect([heardMs(), state()]).toEqual([5000, 'over']);
  expect(clock.pending).toBe(0);
});

test('while it runs, silence is no end', async () => {
  const { clock, stdout, exit, heardMs, state } = recorder(() => undefined);
  await clock.advance(60_000);
  stdout.push(Buffer.alloc(second));
  await clock.advance(2000);
  expect([heardMs(), state()]).toEqual([1000, 'reads']);
  exit();
  await clock.advance(200);
  expect(state()).toBe('over');
});

test('another that speaks on in its place is heard for ten seconds, and then no more', async () => {
  const { clock, exit, heardMs, state } = recorder(function () {
    this.push(Buffer.alloc(second / 10));
  });
  exit();
  await clock.advance(9900);
  expect(state()).toBe('reads');
  await clock.advance(600);
  expect(state()).toBe('over');
  expect(heardMs()).toBeLessThan(11_000);
});
