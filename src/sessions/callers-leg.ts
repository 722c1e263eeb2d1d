// The two ways in which a call finds out that its caller is no longer there: it takes nothing of what it is sent, or
// gives no sign of life. The same for every kind of call.
import { GreenroomError } from '../lifecycle/errors.ts';
import { Keepalive } from './keepalive.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import type { SessionOptions } from './session-options.ts';

type Leg = Pick<SessionOptions, 'id' | 'scope' | 'transport' | 'limits' | 'newId' | 'random' | 'onEnd'>;

export function outboxOf(
  { id, scope, transport, limits, newId, onEnd }: Leg,
  room: Pick<OutboxOptions, 'onTaken' | 'onRoom'>,
): Outbox {
  const outbox = new Outbox({
    ...{ transport, newId, clock: scope.clock, bytesMax: limits.queueBytesMax, ...room },
    onSlow: (silentMs, bytes) => {
      const message = `session ${id}: nothing was read for ${silentMs} ms, ${bytes} bytes wait`;
      onEnd('slow_client', new GreenroomError('slow_client', message));
    },
  });
  scope.defer('outbox', () => outbox.close());
  return outbox;
}

export function keepaliveOf({ id, scope, transport, limits, random, onEnd }: Leg): Keepalive {
  return new Keepalive({
    ...{ scope, intervalMs: limits.keepaliveMs, random: random() },
    ping: () => transport.ping(),
    onLost: (silentMs) => {
      const message = `session ${id}: no sign of life for ${silentMs} ms`;
      onEnd('client_lost', new GreenroomError('client_lost', message));
    },
  });
}
