// Which gateway a command speaks to: the one that was named, or the one that serves the data directory.
import { resolve } from 'node:path';
import { readRunRecord } from '../gateway/run-record.ts';
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

export async function findGateway({ url, data }: GatewayOptions, { cwd }: CommandIo): Promise<GatewayFound> {
  if (url !== undefined) return { state: 'found', url };
  const directory = resolve(cwd, data ?? '.greenroom');
  const found = await readRunRecord(directory);
  switch (found.state) {
    case 'running':
      return { state: 'found', url: found.record.url };
    case 'none':
      return { state: 'none', why: `no gateway runs in ${directory}` };
    case 'gone': {
      const { pid, url: lastUrl } = found.record;
      return {
        state: 'none',
        why: `the gateway of ${directory} (pid ${pid} at ${lastUrl}) is no longer there`,
      };
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
