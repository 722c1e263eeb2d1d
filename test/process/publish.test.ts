// A program that publishes through the gateway that it has opened itself.
import { expect, test } from 'vitest';
import { startGateway } from '../../src/testing/index.ts';

test('what a program publishes that JSON cannot say is refused in words, whatever it is', async () => {
  await using started = await startGateway();
  const { gateway } = started;
  const circle: Record<string, unknown> = {};
  circle['of'] = circle;
  const throws = {
    toJSON: () => {
      throw new Error('mine');
    },
  };
  for (const data of [undefined, () => 1, 1n, circle, throws])
    expect(() => gateway.publish('a', data)).toThrow(expect.objectContaining({ code: 'invalid_event' }));
  expect(() => gateway.publish('a', throws)).toThrow('nothing that JSON has: mine');
  expect(gateway.publish('a', { n: 1 })).toMatch(/\.1$/);
});
