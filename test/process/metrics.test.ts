// What Prometheus reads.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { startGateway } from '../../src/testing/index.ts';
import { livedGateway } from '../support/lived-gateway.ts';
import { lintMetrics, readMetrics } from '../support/metrics-text.ts';
import { promtool } from '../support/promtool.ts';

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

test('/metrics keeps the rules of promtool: names, units, types, help, labels, buckets', async () => {
  await using stage = await livedGateway();
  const families = readMetrics(await metrics(stage.url));
  expect(lintMetrics(families)).toEqual([]);
  expect(families.length).toBeGreaterThan(40);
  const value = (name: string, labels: object = {}) =>
    families
      .flatMap(({ samples }) => samples)
      .find(
        (sample) => sample.name === name && expect.objectContaining(labels).asymmetricMatch(sample.labels),
      )?.value;
  expect(value('greenroom_build_info', { node_version: process.versions.node })).toBe(1);
  expect(value('greenroom_sessions_opened_total', { pipeline: 'echo' })).toBe(1);
  expect(value('greenroom_lobby_wait_seconds_count', { outcome: 'ready' })).toBe(2);
  expect(
    value('greenroom_engine_wait_seconds_count', { engine: 'voice', outcome: 'seated' }),
  ).toBeGreaterThan(1);
  expect(value('greenroom_engine_load_seconds_count', { engine: 'voice' })).toBe(1);
  expect(value('greenroom_loop_delay_seconds_count')).toBeGreaterThan(1);
  expect(value('nodejs_gc_duration_seconds_count', { kind: 'minor' })).toBeDefined();
  for (const name of ['active', 'idle'].map((state) => ({ state })))
    expect(value('nodejs_eventloop_time_seconds_total', name)).toBeGreaterThan(0);
  for (const name of ['heap_size_used', 'heap_size_total', 'heap_size_limit', 'external_memory'])
    expect(value(`nodejs_${name}_bytes`)).toBeGreaterThan(1_000_000);
  if (process.platform !== 'linux') return;
  expect(value('process_open_fds')).toBeGreaterThan(5);
  expect(value('process_max_fds')).toBeGreaterThan(value('process_open_fds') ?? Number.POSITIVE_INFINITY);
});

const tool = promtool();
test.skipIf(!tool)('promtool finds nothing wrong with /metrics (skipped: no promtool)', async () => {
  await using stage = await livedGateway();
  const input = await metrics(stage.url);
  const { status, stdout, stderr } = spawnSync(tool ?? '', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect(`${stdout}${stderr}`).toBe('');
  expect(status).toBe(0);
});

test('10,000 names of topics, keys and lines, and what callers name, add no series', async () => {
  await using stage = await livedGateway();
  const { gateway, url } = stage;
  const series = async () =>
    readMetrics(await metrics(url))
      .flatMap(({ samples }) => samples.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`))
      .sort();
  const refused = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, init);
  // One of each, so that what its kind has is there.
  const strangers = async (n: number) => {
    await using _ = await watching(`${url}/v1/events?client=watcher-${n}&topics=topic-${n}`);
    await refused(`/no/such/path-${n}`);
    await refused(`/engines/engine-${n}/x`);
    await refused(`/v1/chat/completions`, {
      method: 'POST',
      headers: json,
      body: `{"model":"m-${n}","messages":[]}`,
    });
    await refused('/healthz', { method: 'PATCH', headers: { 'user-agent': `agent-${n}` } });
  };
  await strangers(0);
  const before = await series();
  for (let n = 0; n < 10_000; n += 1) gateway.publish(`topic-${n}`, {}, `key-${n}`);
  const lines = Array.from(
    { length: 10_000 },
    (_, n) => `{"machine_name":"machine-${n}"}\n{"topic":"bad ${n}","data":1}`,
  );
  const ndjson = { 'content-type': 'application/x-ndjson' };
  await refused('/v1/events', { method: 'POST', headers: ndjson, body: lines.join('\n') });
  for (let n = 1; n < 100; n += 1) await strangers(n);
  const after = await series();
  expect(after).toEqual(before);
});

const json = { 'content-type': 'application/json' };

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
