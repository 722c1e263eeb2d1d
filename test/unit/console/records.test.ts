// What the pages of kept sessions reckon: the sounds of a recording, its shape at any rate, who made an answer.
import { expect, test } from 'vitest';
import { Peaks } from '../../../console/src/sessions/peaks.ts';
import { sidesOf } from '../../../console/src/sessions/sides.ts';
import { sourceWords } from '../../../console/src/sessions/source-words.ts';
import type { TakeFacts, Track } from '../../../src/recordings/facts.ts';

const track = (container: 'wav' | 'webm', samples: number) => ({ container, samples }) as Track;

test('each piece of the caller is a sound of its own, saved as what it is; what is empty is none', () => {
  const take = {
    ...{ id: 'sess_1/2', caller: track('webm', 5), assistant: track('wav', 0) },
    callerMore: [track('wav', 5)],
  };
  expect(sidesOf(take as unknown as TakeFacts)).toMatchObject([
    {
      label: 'caller',
      url: '/api/recordings/sess_1/2/audio?part=caller&piece=1',
      file: 'sess_1-2-caller.webm',
    },
    { url: '/api/recordings/sess_1/2/audio?part=caller&piece=2', file: 'sess_1-2-caller-2.wav' },
  ]);
});

test('a shape that comes at once fills all of its places, at whatever rate', () => {
  const peaks = new Peaks(4, 48_000);
  peaks.fill(Float32Array.of(0, 0.5, -0.25, 0, 0, -1.5, 0, 0));
  expect([...peaks.values]).toEqual([0.5, 0.25, 1, 0]);
  expect(peaks.part).toBe(1);
});

test('who made an answer is said as far as it is known', () => {
  const [mind, voice] = [
    { engine: 'mind', model: 'qwen' },
    { engine: 'voice', model: null },
  ];
  expect(sourceWords({ think: mind, speak: voice })).toBe('mind (qwen), spoken by voice');
  expect(sourceWords({ think: null, speak: voice })).toBe('spoken by voice');
  expect(sourceWords(null)).toBe('');
});
