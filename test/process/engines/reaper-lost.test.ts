// A gateway whose reaper was stopped or killed by somebody: it leaves as ever, and leaves nothing behind.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { until } from '../../support/poll.ts';
import { alive } from '../../support/processes.ts';

const voices = { voice: { builtin: 'flite' }, activity: { builtin: 'silero' } };
const pipelines = { default: { kind: 'echo', speak: 'voice', vad: 'activity' } };
const starts = (what: string) => ({ run: ['sh', '-c', what], ready: { log: 'never' } });

async function pidsIn(gateway: GatewayProcess, ...files: readonly string[]): Promise<number[]> {
  const pid = async (file: string) => Number(await readFile(join(gateway.folder.path, file), 'utf8'));
  return Promise.all(files.map((file) => until(() => pid(file), { timeoutMs: 5000, what: file })));
}

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

test('who has left the group of an engine goes, although the reaper was stopped', async () => {
  await using gateway = await GatewayProcess.start({
    config: {
      engines: {
        ...voices,
        stays: starts('setsid sleep 1000 & echo $! >there; exec sleep 1000'),
        // It has ended long before the gateway leaves.
        ends: starts('setsid sleep 1000 & echo $! >past; exec sleep 0.5'),
      },
      pipelines,
    },
  });
  const reaper = await until(
    async () => {
      for (const pid of await gateway.family())
        if ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('reaper')) return pid;
      return undefined;
    },
    { timeoutMs: 5000, what: 'the reaper' },
  );
  process.kill(reaper, 'SIGSTOP');
  const escaped = await pidsIn(gateway, 'there', 'past');
  await gateway.event('engine', ({ name, state }) => name === 'ends' && state === 'backoff');
  expect(escaped.map(alive)).toEqual([true, true]);
  const began = performance.now();
  gateway.child.kill('SIGTERM');
  expect(await gateway.end(began)).toMatchObject({ code: 0, report: { exitCode: 0, forced: [] } });
  expect(gateway.exitedMs - began).toBeLessThan(3000);
  expect(escaped.map(alive)).toEqual([false, false]);
});
