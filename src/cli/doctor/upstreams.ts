// What `doctor` says of the upstream of a bridge.
import type { BridgePipelineConfig } from '../../config/types.ts';
import { upstreamOf } from '../../gateway/build-pipeline.ts';
import { lookAtUpstream } from '../../sessions/upstream-look.ts';
import { type Check, ok, problem, warning } from './check.ts';

const nextSteps = {
  refused: 'check `key`, and the model in `url`',
  unreachable: 'check `url`, and whether it can be reached from here',
  silent: 'see whether it runs, and whether a firewall is between',
} as const;

export async function checkUpstream(config: BridgePipelineConfig): Promise<readonly Check[]> {
  const facts = { check: `pipeline ${config.name}, upstream`, engine: null };
  const { host, protocol, pathname } = new URL(config.url);
  const look = await lookAtUpstream(upstreamOf(config));
  const place = `${protocol}//${host}${pathname}`;
  if (look.state === 'silent') return [problem(facts, `${place}: ${look.message}`, nextSteps.silent)];
  if (look.state !== 'taken') return [problem(facts, look.message, nextSteps[look.state])];
  const told = `${place} takes WebSockets (${look.ms} ms)`;
  const keyless = config.key === undefined && protocol === 'wss:' && Object.keys(config.headers).length === 0;
  if (!keyless) return [ok(facts, told)];
  return [warning(facts, `${told}; there is no \`key\``, 'set `key: env:NAME` if it wants one')];
}
