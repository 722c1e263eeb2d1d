// Who watches the gateway itself sees its report as it comes, and is the last to go: as long as that costs nobody anything.
import { expect, test } from 'vitest';
import { type SlowWatcher, slowWatcher } from '../../src/testing/index.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const stagesTold = ({ events }: SlowWatcher) =>
  events
    .filter(({ topic }) => topic === 'greenroom.gateway.stage')
    .map(({ data }) => data as { readonly name: string; readonly outcome: string; readonly ms: number });

async function leaves(engines: object) {
  const gateway = await GatewayProcess.start({ config: { engines, pipelines: {} } });
  try {
    await using own = await slowWatcher({ url: await gateway.url(), topics: ['greenroom.>'], how: 'well' });
    const names = Object.keys(engines);
    await until(
      async () => {
        const { body } = await gateway.json('/api/engines');
        const { data } = body as { readonly data: readonly { readonly rung: string | null }[] };
        return data.length === names.length && data.every(({ rung }) => rung !== null);
      },
      { timeoutMs: 10_000, what: 'the engines to run' },
    );
    const askedMs = performance.now();
    gateway.child.kill('SIGTERM');
    const end = await gateway.end(askedMs);
    await until(() => own.closed, { timeoutMs: 3000, what: 'the goodbye' });
    expect(own.closed?.code).toBe(1001);
    return { end, told: stagesTold(own) };
  } finally {
    await gateway[Symbol.asyncDispose]();
  }
}

test('every stage but those of the connections themselves is told, with its time', async () => {
  const { end, told } = await leaves({ voice: { worker: fixture('gateway/tone.mjs') } });
  expect(end.code, JSON.stringify(end.report)).toBe(0);
  expect(told.map(({ name }) => name).toSorted()).toEqual(['announce', 'engines', 'requests', 'sessions']);
  for (const { outcome, ms } of told) expect([outcome, typeof ms]).toEqual(['done', 'number']);
});

test('an engine that does not leave keeps no watcher beyond its time', async () => {
  const stubborn = 'trap "" TERM; while :; do sleep 0.2; done';
  const { end, told } = await leaves({ stubborn: { run: ['/bin/sh', '-c', stubborn, '${port}'] } });
  expect(end.code, JSON.stringify(end.report)).toBe(0);
  expect(told.map(({ name }) => name)).toEqual(expect.arrayContaining(['announce', 'requests', 'sessions']));
  const { stages } = end.report as unknown as {
    readonly stages: readonly { name: string; outcome: string; notes: string[] }[];
  };
  expect(stages.find(({ name }) => name === 'watchers')).toMatchObject({
    outcome: 'done',
    notes: ['1 watcher left'],
  });
});
