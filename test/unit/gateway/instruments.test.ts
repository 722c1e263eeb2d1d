// Who held the loop is said by name, wherever that is marked; and not again and again.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { FairTurns } from '../../../src/gateway/events/fair-turns.ts';
import { Instruments } from '../../../src/gateway/instruments.ts';
import { pathOf } from '../../../src/gateway/request-head.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { Inbox } from '../../../src/sessions/inbox.ts';
import { StepQueue } from '../../../src/sessions/step-queue.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import type { Stall } from '../../../src/telemetry/loop-monitor.ts';
import { operationKinds, operations } from '../../../src/telemetry/operations.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { until } from '../../support/poll.ts';

function block(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test('a stall is logged with what it was, and the next of its kind within ten seconds only counted', async () => {
  const lines: string[] = [];
  const told: Stall[] = [];
  const log = { ...silentLog, warn: (_: object, line: string) => void lines.push(line) };
  const instruments = new Instruments({ clock: systemClock, log, onStall: (stall) => told.push(stall) });
  await using scope = new Scope('test', { clock: systemClock });
  instruments.start(scope);
  const stalls = () => instruments.loop.stalls.get('hub round') ?? 0;
  for (let count = 1; count <= 3; count += 1) {
    const before = stalls();
    operations.during('hub round', null, () => block(250));
    await until(() => stalls() > before, { timeoutMs: 5000, what: 'the stall' });
  }
  expect(lines.filter((line) => line.includes('hub round'))).toEqual([
    expect.stringMatching(/^the event loop was held for \d+ ms, 2\d\d of them by hub round$/),
  ]);
  expect(told.filter(({ during }) => during === 'hub round')).toHaveLength(1);
  expect(stalls()).toBe(3);
});

const clock = systemClock;
const options = { id: 'sess_1', onFault: () => undefined, onEnd: () => undefined };
test.each<[string, () => void]>([
  [
    'session message sess_1',
    () => {
      const transport = new MemoryTransport();
      const handle = () => block(5);
      const inbox = new Inbox({ id: 'sess_1', transport, clock, isFull: () => false, handle });
      inbox.receive('{}');
      inbox.resume();
    },
  ],
  ['session step sess_1', () => new StepQueue({ ...options, step: () => block(5) }).feed({})],
  [
    'producer events',
    () => {
      const turns = new FairTurns({ ...clock, soon: () => ({ cancel: () => undefined }) });
      turns.ask({
        work: () => {
          block(5);
          return 'done';
        },
      });
    },
  ],
])('%s is named', (name, work) => {
  const watch = operations.watch();
  work();
  expect(watch.take()?.name).toBe(name);
  watch.close();
});

test('every kind of work that has a name is marked somewhere', () => {
  const src = fileURLToPath(new URL('../../../src', import.meta.url));
  const text = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((name) => join(src, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  for (const kind of operationKinds) expect(text).toContain(`during('${kind}'`);
});

test('a request is named by method and path, never by its query, which may hold a token', () => {
  expect(pathOf({ method: 'GET', url: '/v1/events?token=secret' })()).toBe('GET /v1/events');
  expect(pathOf({ method: 'GET', url: `/${'x'.repeat(5000)}` })().length).toBeLessThan(100);
});
