// A few seconds of the fuzzer with every gate; `npm run fuzz -- SECONDS` takes its time. What it once found is kept by
// its seed.
import { expect, test } from 'vitest';
import { fuzzConfig } from '../fuzz/config.ts';
import { fuzzHttp } from '../fuzz/http.ts';
import { fuzzWire } from '../fuzz/wire.ts';
import { GatewayProcess } from '../support/gateway-process.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
const shortly = () => ({ seed, untilMs: performance.now() + 4000 });

test('configurations: loaded, or refused with a code', async () => {
  const { loaded, refused } = await fuzzConfig(shortly());
  expect({ loaded: loaded > 0, refused: refused > 0 }).toEqual({ loaded: true, refused: true });
});

test('requests and calls: the gateway lives, and says what is wrong', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  expect((await fuzzHttp(gateway, shortly())).answered).toBeGreaterThan(0);
  expect((await fuzzWire(gateway, shortly())).calls).toBeGreaterThan(0);
});
