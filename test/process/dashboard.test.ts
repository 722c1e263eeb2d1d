// docs/grafana/greenroom.json asks for nothing that /metrics does not have.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { livedGateway, scrape } from '../support/lived-gateway.ts';
import { readMetrics } from '../support/metrics-text.ts';
import { askedBy } from '../support/promql.ts';

interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
}

const dashboard = JSON.parse(
  readFileSync(new URL('../../docs/grafana/greenroom.json', import.meta.url), 'utf8'),
) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
};
/** Given by Prometheus to everything it scrapes. */
const given = ['instance', 'job'];

async function there(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  await using stage = await livedGateway();
  const samples = readMetrics(await scrape(stage.url)).flatMap((family) => family.samples);
  return new Map(
    Map.groupBy(samples, ({ name }) => name)
      .entries()
      .map(([name, its]) => [name, new Set(its.flatMap(({ labels }) => Object.keys(labels)))]),
  );
}

test('every query, and the page about it, names metrics and labels that a gateway has; every variable is there', async () => {
  const metrics = await there();
  const problems: string[] = [];
  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  const look = (where: string, { metrics: asked, by }: ReturnType<typeof askedBy>) => {
    expect(asked.length, where).toBeGreaterThan(0);
    for (const { name, labels } of asked) {
      const has = metrics.get(name);
      if (!has) problems.push(`${where}: no metric ${name}`);
      for (const label of [...labels, ...by])
        if (has && !has.has(label) && !given.includes(label))
          problems.push(`${where}: ${name} has no label ${label}`);
    }
  };
  for (const { title, targets = [] } of dashboard.panels)
    for (const { expr, legendFormat } of targets) {
      const asked = askedBy(expr);
      look(title, asked);
      for (const [, name = ''] of expr.matchAll(/\$(\w+)/g))
        if (!variables.has(name) && name !== '__rate_interval')
          problems.push(`${title}: no variable ${name}`);
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      const kept = /\b(?:sum|max|min)\b/.test(expr)
        ? asked.by
        : [...(metrics.get(asked.metrics[0]?.name ?? '') ?? [])];
      for (const label of shown)
        if (!kept.includes(label))
          problems.push(`${title}: the legend shows ${label}, which its query does not keep`);
    }
  for (const { name, query } of dashboard.templating.list) {
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    if (metric !== '') look(`variable ${name}`, { metrics: [{ name: metric, labels: [label] }], by: [] });
  }
  const page = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
  for (const [name] of page.matchAll(/\bgreenroom_\w+[a-z]\b(?!\.)/g))
    if (!metrics.has(name) && !metrics.has(`${name}_count`))
      problems.push(`docs/monitoring.md: no metric ${name}`);
  expect(problems).toEqual([]);
});

test('what the specification of the dashboard names is on it, and no panel lies on another', () => {
  const asked = dashboard.panels.flatMap(({ targets = [] }) =>
    targets.flatMap(({ expr }) => askedBy(expr).metrics),
  );
  const names = new Set(asked.map(({ name }) => name));
  for (const name of [
    ...['engine_state', 'sessions', 'lobby_wait_seconds_bucket', 'voice_stage_seconds_bucket'],
    ...[
      'hub_deliveries_total',
      'hub_delivery_seconds_bucket',
      'hub_evictions_total',
      'loop_delay_seconds_bucket',
    ],
  ])
    expect(names).toContain(`greenroom_${name}`);
  expect(names).toContain('process_resident_memory_bytes');
  const taken = new Map<string, string>();
  for (const { title, gridPos } of dashboard.panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(taken.get(`${x},${y}`), title).toBeUndefined();
        taken.set(`${x},${y}`, title);
      }
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
});
