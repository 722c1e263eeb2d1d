// A gateway whose reaper was stopped or killed by somebody: it leaves as ever.
import { expect, test } from 'vitest';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { until } from '../../support/poll.ts';

/** The built-in engines are threads, so it is the only process of its family. */
async function reaperOf(gateway: GatewayProcess, otherThan = 0): Promise<number> {
  const reaper = async () => (await gateway.family()).find((pid) => pid !== otherThan);
  return until(reaper, { timeoutMs: 2000, what: 'the reaper' });
}

test.each(['SIGSTOP', 'SIGKILL'] as const)('a reaper that got %s changes nothing', async (signal) => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  const reaper = await reaperOf(gateway);
  process.kill(reaper, signal);
  if (signal === 'SIGKILL') await reaperOf(gateway, reaper);
  const began = performance.now();
  gateway.child.kill('SIGTERM');
  expect(await gateway.end(began)).toMatchObject({ code: 0, report: { exitCode: 0, forced: [] } });
  expect(gateway.exitedMs - began).toBeLessThan(2000);
  await until(async () => (await gateway.family()).length === 0, { timeoutMs: 1000, what: 'no family' });
});
