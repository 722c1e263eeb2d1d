// Which gateway a command speaks to: the one that was named, or the one that serves the data directory; where there is
// no such directory, the one at the address that a gateway has unless it is told another.
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatListen, listenDefault } from '../config/listen.ts';
import { leadsTo } from '../gateway/listening.ts';
import { lookInto } from '../gateway/presence.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CommandIo } from './io.ts';

export interface GatewayOptions {
  readonly url?: string | undefined;
  /** Default `./.greenroom`. */
  readonly data?: string | undefined;
  /** Where a gateway listens unless it is told another address. */
  readonly defaultUrl?: string | undefined;
}

export type GatewayFound =
  | { readonly state: 'found'; readonly url: string }
  /** Nothing tells which one is meant; `why` is a sentence's beginning. */
  | { readonly state: 'guessed'; readonly url: string; readonly why: string }
  /** `why` is a sentence's end: what was looked at, and what it said. */
  | { readonly state: 'none'; readonly why: string };

export const startHint = 'start one with `greenroom up`, or name one with --url';

/** Throws `permission_denied`. */
export async function findGateway(options: GatewayOptions, { cwd }: CommandIo): Promise<GatewayFound> {
  const { url, data, defaultUrl = `http://${formatListen(listenDefault)}` } = options;
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
      // Whoever names a directory means its gateway and no other.
      if (data !== undefined || (await isThere(directory)))
        return { state: 'none', why: `no gateway runs in ${directory}` };
      return { state: 'guessed', url: defaultUrl, why: `there is no data directory ${directory}` };
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
export async function requireGateway(
  options: GatewayOptions,
  io: CommandIo,
): Promise<Exclude<GatewayFound, { state: 'none' }>> {
  const found = await findGateway(options, io);
  if (found.state !== 'none') return found;
  throw new GreenroomError('gateway_unreachable', `${found.why}; ${startHint}`);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
