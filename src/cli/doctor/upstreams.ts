// Whether the upstream of a bridge can be called: its name, its connection, TLS, the WebSocket handshake with the key that is
// configured, which goes nowhere else. Opens one connection and closes it; nothing is said over it.
import { Upstream } from '../../bridge/upstream.ts';
import type { BridgePipelineConfig } from '../../config/types.ts';
import { upstreamOf } from '../../gateway/pipeline-table.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { systemClock } from '../../lifecycle/clock.ts';
import { Scope } from '../../lifecycle/scope.ts';
import { type Check, ok, problem, warning } from './check.ts';

/** For all of it: who waits longer has a call that begins badly. */
const waitMs = 5000;

export async function checkUpstream(
  config: BridgePipelineConfig,
  clock: Clock = systemClock,
): Promise<readonly Check[]> {
  const facts = { check: `pipeline ${config.name}, upstream`, engine: null };
  const { host, protocol, pathname } = new URL(config.url);
  const place = `${protocol}//${host}${pathname}`;
  await using scope = new Scope('doctor', { clock });
  const heard = Promise.withResolvers<Check>();
  const late = clock.after(waitMs, () =>
    heard.resolve(
      problem(
        facts,
        `${place} gave no answer in ${waitMs} ms`,
        'see whether it runs, and whether a firewall is between',
      ),
    ),
  );
  scope.defer('wait', () => late.cancel());
  const beganMs = clock.now();
  const opened = () => {
    const ms = Math.round(clock.now() - beganMs);
    const keyless =
      config.key === undefined && protocol === 'wss:' && Object.keys(config.headers).length === 0;
    const told = `${place} takes WebSockets (${ms} ms)`;
    heard.resolve(
      keyless
        ? warning(facts, `${told}; there is no \`key\``, 'set `key: env:NAME` if it wants one')
        : ok(facts, told),
    );
  };
  new Upstream(scope.child('upstream'), upstreamOf(config), {
    ...{ text: () => undefined, frame: () => false, taken: () => undefined },
    alive: opened,
    failed: (code, message) =>
      heard.resolve(
        problem(
          facts,
          message,
          code === 'upstream_refused'
            ? 'check `key`, and the model in `url`'
            : 'check `url`, and whether it can be reached from here',
        ),
      ),
    closed: () => undefined,
  });
  return [await heard.promise];
}
