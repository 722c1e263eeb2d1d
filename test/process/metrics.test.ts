// What Prometheus reads.
import { expect, test } from 'vitest';
import { startGateway } from '../../src/testing/index.ts';

test('/metrics has the hub, the engines and the process, in the text form, and no watcher by name', async () => {
  await using stage = await startGateway();
  const { gateway, url } = stage;
  await using _ = await watching(`${url}/v1/events?client=a-name-of-mine`);
  for (let n = 0; n < 3; n += 1) gateway.publish('a', { n });
  await expect.poll(() => metrics(url)).toContain('greenroom_hub_deliveries_total{hub="open"} 3');
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of [
    'greenroom_hub_events_total{hub="open"} 3',
    'greenroom_hub_watchers{hub="open",state="live"} 1',
    'greenroom_hub_delivery_seconds_bucket{hub="open",le="+Inf"} 3',
    'greenroom_hub_delivery_seconds_count{hub="open"} 3',
    'greenroom_hub_evictions_total{hub="open",reason="unsent"} 0',
    'greenroom_hub_ingest_events_total{kind="process"} 3',
    'greenroom_engine_state{engine="voice",state="stopped"} 0',
    'greenroom_sessions 0',
  ])
    expect(text).toContain(`\n${line}\n`);
  expect(text).toMatch(/^# TYPE greenroom_hub_delivery_seconds histogram$/m);
  expect(text).not.toContain('a-name-of-mine');
  const buckets = [
    ...text.matchAll(/^greenroom_hub_delivery_seconds_bucket\{hub="open",le="[^"]*"\} (\d+)$/gm),
  ];
  const counts = buckets.map(([, count]) => Number(count));
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
});

test('/metrics has what was refused, by kind of producer and code', async () => {
  await using stage = await startGateway();
  const body = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[1, {"topic":"a..b","data":1}]',
  };
  expect((await fetch(`${stage.url}/v1/events`, body)).status).toBe(200);
  expect(await metrics(stage.url)).toContain(
    '\ngreenroom_hub_ingest_rejected_total{kind="http",code="invalid_topic"} 1\n',
  );
});

const metrics = async (url: string) => (await fetch(`${url}/metrics`)).text();

async function watching(url: string): Promise<AsyncDisposable> {
  const controller = new AbortController();
  const response = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: controller.signal });
  const reader = response.body?.getReader();
  await reader?.read();
  return {
    async [Symbol.asyncDispose]() {
      await reader?.cancel();
      controller.abort();
    },
  };
}
