// The two hubs of a gateway: the one that everybody publishes on, and the gateway's own, whose events leave no holes in
// the numbers of the other.
import { randomInt } from 'node:crypto';
import type { EventsConfig } from '../../config/types.ts';
import type { SlowFact } from '../../hub/hub.ts';
import { Hub } from '../../hub/hub.ts';
import { Producers } from '../../hub/producers.ts';
import type { Subscriber } from '../../hub/subscriber.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Log } from '../../telemetry/log.ts';
import { OwnEvents } from './own-events.ts';

export interface Hubs {
  readonly open: Hub;
  readonly own: Hub;
  readonly producers: Producers;
  readonly tell: OwnEvents;
}

/** Of a probe that is not answered. */
const silent = { warnMs: 2000, actMs: 10_000 };
/** Of the gateway's own events: few, and small. */
const ownHistory = { events: 10_000, bytes: 16 * 1024 * 1024 };

export function openHubs(parts: {
  readonly config: EventsConfig;
  /** Of the whole gateway. */
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
  readonly mask: (text: string) => string;
}): Hubs {
  const { config, scope, clock, log, mask } = parts;
  const { warnMs, actMs } = config.slow;
  const limits = { unsent: { warnMs, actMs }, silent, keepaliveMs: config.keepaliveMs };
  const onSlow = (subscriber: Subscriber, facts: SlowFact) => {
    slowLine(log, subscriber, facts);
    tell.watcher(subscriber, facts);
  };
  const hub = (history: EventsConfig['history']) =>
    new Hub({ clock, history, limits, onSlow, epoch: newEpoch(), random: Math.random });
  const open = hub(config.history);
  const own = hub({ ...config.history, ...ownHistory });
  const tell = new OwnEvents(own, mask);
  scope.defer('hub', () => {
    open.stop();
    own.stop();
  });
  return { open, own, tell, producers: new Producers(clock) };
}

function slowLine(log: Log, { client, transport, lagEvents }: Subscriber, facts: SlowFact): void {
  const { state, reason, ms } = facts;
  const what = reason === 'unsent' ? 'has not taken what is' : 'has not answered a probe for';
  const outcome = state === 'evicted' ? 'sent away' : 'warned';
  const { remote } = transport;
  log.warn(
    { client, remote, lagEvents, ...facts },
    `watcher ${client} (${remote}) ${what} ${Math.round(ms)} ms${reason === 'unsent' ? ' old' : ''}: ${outcome}`,
  );
}

/** No two lives of a ring have the same. */
function newEpoch(): string {
  const letters = Array.from({ length: 10 }, () => randomInt(36).toString(36));
  return letters.join('');
}
