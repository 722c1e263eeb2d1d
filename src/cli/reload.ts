// `greenroom reload`: a running gateway reads its configuration again.
import type { Reloaded } from '../gateway/reloads.ts';
import { reloadLines } from './change-lines.ts';
import type { CommandIo } from './io.ts';
import { type RunningOptions, withGateway } from './running-gateway.ts';

export interface ReloadOptions extends RunningOptions {
  readonly dryRun?: boolean | undefined;
}

/** Returns 0. Throws what the gateway refuses it with: `config_invalid` and the like. */
export function reload({ dryRun = false, ...options }: ReloadOptions, io: CommandIo): Promise<number> {
  return withGateway(options, io, async (askGateway) => {
    const reloaded = await askGateway<Reloaded>('/api/reload', { dryRun });
    if (options.json) io.out(JSON.stringify({ event: 'reloaded', ...reloaded }));
    const say = options.json ? io.err : io.out;
    for (const line of reloadLines(reloaded)) say(line);
    return 0;
  });
}
