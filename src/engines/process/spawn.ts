// Spawns the program of a `run:` engine: detached, in a group of its own, told where to listen.
import { spawn } from 'node:child_process';
import type { RunEngineConfig } from '../../config/types.ts';
import type { OutputLog } from '../output-log.ts';
import { ProcessGroup, type ProcessGroupOptions } from '../process-group.ts';
import { commandLine, engineEnvironment } from './command.ts';
import type { Place } from './place.ts';

export interface SpawnOptions extends Omit<ProcessGroupOptions, 'open'> {
  readonly config: RunEngineConfig;
  readonly place: Place;
  readonly inherited: NodeJS.ProcessEnv | undefined;
  /** Its command is noted there. */
  readonly log: OutputLog;
}

export function spawnProgram(options: SpawnOptions): ProcessGroup {
  const { config, place, inherited, log, ...group } = options;
  const { host, run, env, cwd, model } = config;
  const { socketPath } = place.endpoint;
  const facts = { host, port: place.port, socketPath, model: model?.path, marker: group.marker };
  const [command = '', ...args] = commandLine(run, facts);
  log.note(`greenroom: ${[command, ...args].join(' ')}`);
  return new ProcessGroup({
    ...group,
    open: () =>
      spawn(command, args, {
        cwd,
        detached: true,
        // Its input ends when we do: what ends with its input needs no reaper.
        stdio: ['pipe', 'pipe', 'pipe'],
        env: engineEnvironment(env, facts, inherited),
      }),
  });
}
