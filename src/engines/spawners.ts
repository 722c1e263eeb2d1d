// From an engine's configuration to what spawns its instances: a program, somebody else's server, a worker in a process
// or a thread. Each instance has a log of its own, which its scope closes.
import { join } from 'node:path';
import type {
  BuiltinEngineConfig,
  EngineConfig,
  RunEngineConfig,
  UrlEngineConfig,
  WorkerEngineConfig,
} from '../config/types.ts';
import type { Clock } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Log } from '../telemetry/log.ts';
import type { LogLimits } from '../telemetry/rotation.ts';
import { llamaProgram } from './builtin/llama-program.ts';
import type { EngineInstance, Spawner, SpawnRequest } from './instance.ts';
import type { Journal } from './journal.ts';
import { JournalledInstance } from './journalled.ts';
import { shippedFile } from './locate.ts';
import { ModelFile } from './model-file.ts';
import { OutputLog } from './output-log.ts';
import { ProgramInstance } from './process/instance.ts';
import { type AskOwnership, askSystem } from './process/ownership.ts';
import type { Reaper } from './reaper.ts';
import { AdoptedInstance } from './url/adopted.ts';
import { UrlInstance } from './url/instance.ts';
import { WorkerInstance } from './worker/instance.ts';
import { openProcessLink, openThreadLink } from './worker/link.ts';

export interface SpawnerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Started when it is first asked for. */
  readonly reaper: () => Reaper;
  /** Where the engines' logs go; null keeps none. */
  readonly logDirectory: string | null;
  /** Of each run, and how many runs. */
  readonly logLimits?: LogLimits;
  /** The environment that engines inherit. Default: all of ours. */
  readonly inherited?: NodeJS.ProcessEnv;
  /** Applied to what engines write: an engine may print a secret that it was given. */
  readonly mask?: (text: string) => string;
  /** Calls that may wait for a lane of one engine. Default 64. */
  readonly waitingMax?: number;
  /** Who listens at an address. Default: the system is asked. */
  readonly ownership?: AskOwnership;
  /** Where processes are written down, for the next gateway. Default: nowhere. */
  readonly journal?: Journal | undefined;
}

const waitingMaxDefault = 64;
const logLimitsDefault: LogLimits = { sizeBytes: 10 * 1024 * 1024, keep: 5 };

/** @param onLines told of what the engine writes, in whole lines, masked */
export function spawnerOf(
  config: EngineConfig,
  scope: Scope,
  onLines: (text: string) => void,
  options: SpawnerOptions,
): Spawner {
  const { journal } = options;
  const entry = journal && new JournalledInstance(journal);
  // Released after the instance is gone: it is registered before it.
  if (entry) scope.defer('journal entry', () => entry.ended());
  const log = outputLog(config, onLines, options);
  scope.defer('log', () => log.close());
  return (given) => {
    let instance: EngineInstance | undefined;
    const request = entry?.follow(given, () => instance) ?? given;
    instance = instanceOf(request, config, { scope, log, options });
    return instance;
  };
}

interface Surroundings {
  readonly scope: Scope;
  readonly log: OutputLog;
  readonly options: SpawnerOptions;
}

function instanceOf(request: SpawnRequest, config: EngineConfig, around: Surroundings): EngineInstance {
  switch (config.kind) {
    case 'run':
      return program(request, config, around);
    case 'url':
      return somebodyElses(request, config, around);
    case 'worker':
      return worker(request, config, around);
    case 'builtin':
      return config.builtin === 'llama'
        ? program(request, llamaProgram(config), around)
        : worker(request, config, around);
  }
}

function program(request: SpawnRequest, config: RunEngineConfig, around: Surroundings): EngineInstance {
  const { scope, log, options } = around;
  const { clock, inherited, journal } = options;
  const { ownership = askSystem(journal?.whose) } = options;
  const model = modelFile(config, around);
  return new ProgramInstance(request, {
    ...{ config, clock, inherited, scope, reaper: options.reaper(), log, ownership, journal, model },
  });
}

/** Looked after for as long as the instance is there. */
function modelFile(
  { name, model }: RunEngineConfig,
  { scope, options }: Surroundings,
): ModelFile | undefined {
  if (!model) return undefined;
  const { clock, log, journal } = options;
  const file = new ModelFile({ engine: name, model, clock, log, left: journal });
  scope.spawn('model file', (signal) => file.watch(signal));
  return file;
}

function somebodyElses(request: SpawnRequest, config: UrlEngineConfig, around: Surroundings): EngineInstance {
  const { scope, log, options } = around;
  const { clock, inherited, journal } = options;
  const { ownership = askSystem(journal?.whose) } = options;
  const { otherwise } = config;
  if (!otherwise) return new UrlInstance(request, { config, clock, scope, log });
  return new AdoptedInstance(request, {
    ...{ config, otherwise, clock, inherited, scope, reaper: options.reaper(), log, ownership, journal },
    model: modelFile(otherwise, around),
  });
}

function worker(
  request: SpawnRequest,
  config: WorkerEngineConfig | BuiltinEngineConfig,
  { log, options }: Surroundings,
): EngineInstance {
  const { clock, inherited, waitingMax = waitingMaxDefault } = options;
  const owner = { reaper: options.reaper(), clock, inherited };
  const threaded = config.kind === 'builtin' || config.isolate === 'thread';
  const open = threaded ? openThreadLink : openProcessLink;
  return new WorkerInstance(request, {
    module: config.kind === 'builtin' ? shippedFile(config.builtin as 'flite' | 'silero') : config.worker,
    options: config.options,
    needed: config.kind === 'worker' ? config.needed : [],
    openLink: (marker, events) => open(owner, marker, events),
    log,
    limits: {
      ...{ clock, waitingMax, stallMs: config.ready.stallMs, cancelGraceMs: config.cancelGraceMs },
      note: (message) => options.log.warn({ engine: config.name }, message),
    },
  });
}

function outputLog(
  { name, keepLog }: EngineConfig,
  onLines: (text: string) => void,
  { logDirectory, logLimits: limits = logLimitsDefault, clock, log, mask }: SpawnerOptions,
): OutputLog {
  if (logDirectory === null || !keepLog) return new OutputLog(null, mask, onLines);
  const stamp = new Date(clock.wallTime()).toISOString().replace(/[:.]/g, '-');
  const path = join(logDirectory, name, `${stamp}.log`);
  const onTrouble = (message: string) => log.warn({ engine: name }, message);
  return new OutputLog({ path, limits, onTrouble }, mask, onLines);
}
