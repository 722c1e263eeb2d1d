// Short-lived keys in virtual time.
import { expect, test } from 'vitest';
import { ClientSecrets } from '../../../src/gateway/client-secrets.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

test('a secret is found until its second comes, and a guess never', async () => {
  const clock = new VirtualClock();
  const secrets = new ClientSecrets(clock);
  const { value } = secrets.create(60, { instructions: 'Be brief.' });
  expect(value).toMatch(/^ek_[\w-]{43}$/);
  expect(secrets.find(value)?.session).toEqual({ instructions: 'Be brief.' });
  expect(secrets.find(`${value}x`)).toBeUndefined();
  expect(secrets.find(value.slice(0, -1))).toBeUndefined();
  await clock.advance(58_000);
  expect(secrets.find(value)).toBeDefined();
  await clock.advance(2000);
  expect(secrets.find(value)).toBeUndefined();
});

test('there are ten thousand at most, and expired ones make room', async () => {
  const clock = new VirtualClock();
  const secrets = new ClientSecrets(clock);
  for (let count = 0; count < 10_000; count += 1) secrets.create(10 + (count % 2) * 100, null);
  expect(() => secrets.create(10, null)).toThrow(
    /10000 client secrets are valid already; the next expires in 10 s/,
  );
  await clock.advance(11_000);
  expect(secrets.find(secrets.create(10, null).value)).toBeDefined();
});
