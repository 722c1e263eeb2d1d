// The slow harm only themselves: a caller that does not read costs the others nothing but a moment.
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';

const config = {
  // One answer at a time.
  engines: { voice: { worker: fixture('gateway/tone.mjs') }, activity: { builtin: 'silero' } },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};

test('a caller that never reads is closed with 4408 after 10 s, and the engine goes to the next', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const url = await gateway.url();
  await using stalled = await Caller.call(url);
  stalled.say('a'.repeat(20_000));
  await stalled.event('response.output_audio.delta');
  stalled.socket.pause();
  await using other = await Caller.call(url);
  const askedMs = performance.now();
  other.say('hello');
  const done = await other.event('response.done');
  expect(JSON.stringify(done)).toContain('completed');
  expect(other.samples).toBe(5 * 1200);
  expect(performance.now() - askedMs).toBeGreaterThan(5000);
  stalled.socket.resume();
  expect(await stalled.ended()).toMatchObject({ code: 4408 });
});

test('a caller that reads its long answer at leisure gets all of it', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  caller.say('a'.repeat(4000));
  while (caller.all('response.done').length === 0) {
    caller.socket.pause();
    await caller.read(300);
  }
  expect(caller.closed).toBeUndefined();
  expect(caller.samples).toBe(4000 * 1200);
});
