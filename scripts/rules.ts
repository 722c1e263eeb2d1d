// The rules that scripts/check.ts enforces, as data. ARCHITECTURE.md explains them.

/** Which areas of src/ an area may import, besides itself and the leaf modules. Arrows point one way. */
export const importsAllowed: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  lifecycle: [],
  config: ['lifecycle'],
  telemetry: ['lifecycle'],
  audio: ['lifecycle'],
  store: ['lifecycle'],
  hub: ['lifecycle', 'telemetry', 'wire'],
  engines: ['lifecycle', 'telemetry', 'store', 'config', 'audio'],
  'llama-server': ['lifecycle'],
  realtime: ['wire', 'lifecycle'],
  bridge: ['wire', 'lifecycle'],
  tasks: ['engines', 'store', 'wire', 'lifecycle', 'telemetry', 'config'],
  pipelines: ['tasks', 'engines', 'realtime', 'audio', 'wire', 'lifecycle', 'telemetry'],
  sessions: [
    ...['tasks', 'pipelines', 'store', 'realtime', 'bridge', 'engines', 'audio', 'wire', 'lifecycle'],
    'telemetry',
  ],
  recordings: ['sessions', 'audio', 'store', 'wire', 'lifecycle', 'telemetry'],
  playback: ['recordings', 'sessions', 'audio', 'wire', 'lifecycle', 'telemetry'],
  gateway: [
    'playback',
    'recordings',
    'sessions',
    'tasks',
    'pipelines',
    'engines',
    'hub',
    'store',
    'realtime',
    'audio',
    'telemetry',
    'config',
    'lifecycle',
    'wire',
  ],
  cli: ['gateway', 'client', 'config', 'telemetry', 'lifecycle', 'wire', 'audio', 'engines', 'sessions'],
  client: ['wire'],
  testing: ['gateway', 'client', 'config', 'lifecycle', 'wire', 'engines'],
  index: ['gateway', 'config', 'lifecycle', 'engines', 'sessions', 'wire'],
  main: ['cli'],
  version: [],
};

/** Modules that every area may import: they import nothing themselves. */
export const leafModules: readonly string[] = [
  'lifecycle/errors.ts',
  'lifecycle/codes.ts',
  'lifecycle/call-codes.ts',
  'lifecycle/code-facts.ts',
  'version.ts',
];

/** Where the console's modules come from; types may come from anywhere. */
export const consoleImports: readonly string[] = ['console/', 'src/client/', 'src/audio/'];

export const linesMax = 300;
/** A test file is a table of promises: it may be longer. */
export const testLinesMax = 450;

interface OwnedCall {
  readonly pattern: RegExp;
  /** Paths (prefixes) where the call is at home: the thin shells. */
  readonly where: readonly string[];
  readonly why: string;
}

export const ownedCalls: readonly OwnedCall[] = [
  {
    pattern: /\b(?:setTimeout|setInterval|setImmediate)\(/,
    where: [
      'src/lifecycle/clock.ts',
      'src/client/',
      'src/engines/worker/host',
      'src/engines/worker/progress.ts',
      'src/engines/builtin/',
      'src/testing/faulty/',
    ],
    why: 'take a Clock, so that a scope owns the timer and a simulation can run it',
  },
  {
    pattern: /\bnew AbortController\(/,
    where: ['src/lifecycle/', 'src/client/', 'src/engines/worker/host'],
    why: 'take the signal of a scope or task',
  },
  {
    pattern: /(?<!\.)\b(?:spawn|fork)\((?:[a-z]*[cC]ommand|process\.|'|\[)/,
    where: [
      'src/engines/process/',
      'src/engines/worker/',
      'src/engines/reaper.ts',
      'src/cli/talk/sound-child.ts',
      'src/cli/exec/command.ts',
      'src/testing/faulty/',
    ],
    why: 'child processes are spawned by the engine shells, which register them with the reaper; of `talk` and `exec`, by one file each',
  },
  {
    pattern: /\bprocess\.exit\(/,
    where: [
      'src/lifecycle/',
      'src/engines/worker/host.ts',
      'src/llama-server/main.ts',
      'src/testing/faulty/',
    ],
    why: 'only the shutdown watchdog ends the process',
  },
  {
    pattern: /AbortSignal\.(?:any|timeout)\(/,
    where: [],
    why: 'loses aborts or leaks in Node releases in use',
  },
  {
    pattern: /\b(?:execSync|spawnSync|readFileSync|writeFileSync)\(/,
    where: [
      'src/config/',
      'src/cli/',
      'src/engines/builtin/',
      'src/engines/host/kill.ts',
      'src/gateway/data-directory.ts',
    ],
    why: 'blocks the loop',
  },
  { pattern: /catch *(?:\([^)]*\))? *\{ *\}/, where: [], why: 'say what is ignored, and why' },
];
