// Whether the upstream of a bridge can be called: its name, its connection, TLS, the WebSocket handshake with the key that is
// configured, which goes nowhere else. Opens one connection and closes it; nothing is said over it.
import { Upstream, type UpstreamAddress } from '../bridge/upstream.ts';
import { type Clock, systemClock } from '../lifecycle/clock.ts';
import { Scope } from '../lifecycle/scope.ts';

export type UpstreamLook =
  | { readonly state: 'taken'; readonly ms: number }
  /** `silent`: no answer in `waitMs`. */
  | { readonly state: 'refused' | 'unreachable' | 'silent'; readonly message: string };

/** For all of it: who waits longer has a call that begins badly. */
const waitMs = 5000;

export async function lookAtUpstream(
  address: UpstreamAddress,
  clock: Clock = systemClock,
): Promise<UpstreamLook> {
  await using scope = new Scope('look at an upstream', { clock });
  const look = Promise.withResolvers<UpstreamLook>();
  const late = clock.after(waitMs, () =>
    look.resolve({ state: 'silent', message: `no answer in ${waitMs} ms` }),
  );
  scope.defer('wait', () => late.cancel());
  const beganMs = clock.now();
  new Upstream(scope.child('upstream'), address, {
    ...{ text: () => undefined, frame: () => false, taken: () => undefined, closed: () => undefined },
    alive: () => look.resolve({ state: 'taken', ms: Math.round(clock.now() - beganMs) }),
    failed: (code, message) =>
      look.resolve({ state: code === 'upstream_refused' ? 'refused' : 'unreachable', message }),
  });
  return await look.promise;
}
