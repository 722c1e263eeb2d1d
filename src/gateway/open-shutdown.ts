// The one shutdown of a gateway: its stages, and who is told when it begins, has ended, or is forced.
import { systemClock } from '../lifecycle/clock.ts';
import { Shutdown, type ShutdownOptions } from '../lifecycle/shutdown.ts';
import type { DataDirectory } from './data-directory.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { type StageParts, shutdownStages } from './stages.ts';

export interface ShutdownParts extends Omit<StageParts, 'door'> {
  readonly options: Pick<GatewayOptions, 'config' | 'door' | 'process' | 'onLeaving'>;
  readonly log: GatewayLog;
  /** Undefined while the gateway had not come so far. */
  readonly data: () => DataDirectory | undefined;
  readonly onForce: NonNullable<ShutdownOptions['onForce']>;
}

export function openShutdown(parts: ShutdownParts): Shutdown {
  const { options, log, data, onForce, ...stages } = parts;
  const { config, door } = options;
  const { supervisor, events } = stages;
  return new Shutdown({
    clock: systemClock,
    totalMs: config.shutdown.totalMs,
    stages: shutdownStages({ ...stages, door }),
    onStart: (reason, totalMs) => {
      if (options.process === 'owned') supervisor()?.reaper.deadline(totalMs);
      log.info({ reason }, `leaving: ${reason}`);
      events()?.hubs.tell.gateway('leaving', { reason, totalMs });
      data()?.tellLeaving();
      options.onLeaving?.(reason);
    },
    onStage: (stage) => events()?.stageEnded(stage),
    onReport: ({ forced }) => {
      // What was forced may still hold the process: then the reaper stays, until it or the process has ended.
      if (forced.length === 0 || options.process !== 'owned') supervisor()?.reaper.close();
    },
    onForce,
  });
}
