// Configurations of engines as the edge would make them, for tests that begin behind it.
import type {
  EngineBasics,
  HttpReadyConfig,
  RunEngineConfig,
  RunReadyConfig,
  UrlEngineConfig,
} from '../../src/config/types.ts';

export const engineBasics = {
  name: 'mine',
  start: 'eager',
  idleMs: undefined,
  group: undefined,
  waiting: { max: 64, ms: 60_000 },
  drainMs: 2000,
  stopGraceMs: 2000,
  cancelGraceMs: 100,
  keepLog: true,
  offers: undefined,
} as const satisfies EngineBasics;

const runReady: RunReadyConfig = {
  http: '/health',
  status: 200,
  loading: undefined,
  body: undefined,
  log: undefined,
  owned: true,
  generate: false,
  generateTimeoutMs: 5000,
  probeTimeoutMs: 2000,
  stallMs: 10_000,
  totalMs: 20_000,
};

export type UrlChanges = Partial<Omit<UrlEngineConfig, 'ready'>> & {
  readonly ready?: Partial<HttpReadyConfig>;
};

export function urlConfig({ ready, ...changes }: UrlChanges = {}): UrlEngineConfig {
  const { log, owned, ...asked } = runReady;
  return {
    ...engineBasics,
    kind: 'url',
    preset: undefined,
    url: 'http://127.0.0.1:1',
    key: undefined,
    modelName: undefined,
    checkEveryMs: 60_000,
    ready: { ...asked, http: '/v1/models', ...ready },
    ...changes,
  };
}

export type RunChanges = Partial<Omit<RunEngineConfig, 'ready'>> & {
  readonly ready?: Partial<RunReadyConfig>;
};

export function runConfig({ ready, ...changes }: RunChanges = {}): RunEngineConfig {
  return {
    ...engineBasics,
    kind: 'run',
    preset: undefined,
    run: ['serve'],
    host: '127.0.0.1',
    port: 'auto',
    socket: undefined,
    env: {},
    cwd: '/tmp',
    model: undefined,
    modelName: undefined,
    ready: { ...runReady, ...ready },
    ...changes,
  };
}
