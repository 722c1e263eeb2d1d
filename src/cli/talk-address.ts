// Which gateway a command speaks to: the one that was named, or the one that serves the data directory.
import { resolve } from 'node:path';
import { leadsTo } from '../gateway/listening.ts';
import { lookInto } from '../gateway/presence.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CommandIo } from './io.ts';

export interface GatewayOptions {
  readonly url?: string | undefined;
  readonly data?: string | undefined;
}

export type GatewayFound =
  | { readonly state: 'found'; readonly url: string }
  /** `why` is a sentence's end: what was looked at, and what it said. */
  | { readonly state: 'none'; readonly why: string };

export const startHint = 'start one with `greenroom up`, or name one with --url';

/** Throws `permission_denied`. */
export async function findGateway({ url, data }: GatewayOptions, { cwd }: CommandIo): Promise<GatewayFound> {
  if (url !== undefined) return { state: 'found', url };
  const directory = resolve(cwd, data ?? '.greenroom');
  const found = await lookInto(directory);
  switch (found.state) {
    case 'running': {
      const { pid, url: recorded, state } = found.record;
      if (state === 'leaving')
        return { state: 'none', why: `the gateway of ${directory} (pid ${pid}) is leaving` };
      if (await leadsTo(recorded, pid)) return { state: 'found', url: recorded };
      const why = `the record of ${directory} names ${recorded}, where its gateway (pid ${pid}) does not listen`;
      return { state: 'none', why };
    }
    case 'none':
      return { state: 'none', why: `no gateway runs in ${directory}` };
    case 'unrecorded': {
      const what = found.problem ?? 'it has not written its address (it starts, or leaves)';
      return { state: 'none', why: `somebody holds ${directory}: ${what}` };
    }
    case 'gone': {
      const { pid, url: lastUrl } = found.record;
      const what =
        found.process === 'ended' ? 'is no longer there' : 'is not there: that process does not hold it';
      return { state: 'none', why: `the gateway of ${directory} (pid ${pid} at ${lastUrl}) ${what}` };
    }
    case 'corrupt':
      return { state: 'none', why: found.problem };
  }
}

/** Throws `gateway_unreachable`. */
export async function requireGateway(options: GatewayOptions, io: CommandIo): Promise<string> {
  const found = await findGateway(options, io);
  if (found.state === 'found') return found.url;
  throw new GreenroomError('gateway_unreachable', `${found.why}; ${startHint}`);
}
