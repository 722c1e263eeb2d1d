// The stages of answers, as Prometheus has them.
import { expect, test } from 'vitest';
import { metricsText } from '../../../src/gateway/metrics.ts';
import { voiceMetrics } from '../../../src/gateway/voice-metrics.ts';
import { CascadeWorld } from '../../support/cascade-world.ts';

test('each stage of an answer is counted, of each pipeline', async () => {
  const world = new CascadeWorld();
  const caller = await world.call();
  await caller.speaks();
  await world.advance(1000);
  const { text } = await metricsText(voiceMetrics(() => [world.pipeline, { name: 'other' }]));
  const sums = [...text.matchAll(/_sum\{pipeline="default",stage="(\w+)"\} ([\d.]+)/g)];
  // Heard in 20 ms, the first word after 30, spoken 10 after that; the silence is the session's.
  expect(Object.fromEntries(sums.map(([, stage, sum]) => [stage, Number(sum)]))).toEqual({
    ...{ hear: 0.02, think: 0.03, sentence: 0, speak: 0.01, answer: 0.07 },
    ...{ silence: expect.closeTo(0.79, 2), first_audio: expect.closeTo(0.85, 2) },
  });
  expect(text).toContain('greenroom_voice_stage_seconds_count{pipeline="default",stage="first_audio"} 1');
  expect(text).not.toContain('pipeline="other"');
  await world.end(caller);
});
