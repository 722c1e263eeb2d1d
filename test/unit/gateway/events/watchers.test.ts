// Watchers over real connections, where what they say is heeded when the test wants it.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { FairTurns, type Worker } from '../../../../src/gateway/events/fair-turns.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { HubDoor } from '../../../support/hub-door.ts';
import { until } from '../../../support/poll.ts';

class HeldTurns extends FairTurns {
  readonly asked: Worker[] = [];

  override ask(worker: Worker): void {
    this.asked.push(worker);
  }
}

test('who publishes, and leaves before it is heeded, is no producer that stays', async () => {
  const turns = new HeldTurns(systemClock);
  await using door = await HubDoor.open({}, turns);
  const watcher = new WebSocket(`${door.url.replace('http', 'ws')}/v1/events`);
  await once(watcher, 'open');
  watcher.send('{"type":"publish","topic":"a","data":1}');
  watcher.close();
  await once(watcher, 'close');
  await until(() => door.hub.subscribers.size === 0 && turns.asked.length === 1, {
    ...{ timeoutMs: 5000, what: 'its end' },
  });
  turns.asked[0]?.work(() => true);
  expect(door.hub.head).toBe('e1.1');
  expect(door.producers.list()).toMatchObject([{ state: 'left', accepted: 1, connections: 0 }]);
});
