// Known programs: how each is started, where it is when it runs already, and what it answers when it is ready. Data,
// so that both the configuration and the engines can read it; what takes more than data is in engines/presets/.
import type { CapabilityName, HttpReadyConfig } from './types.ts';

export const presetNames = [
  'llama-server',
  'whisper-server',
  'vllm',
  'sglang',
  'ollama',
  'lmstudio',
  'openai',
  'generic',
] as const;

export type PresetName = (typeof presetNames)[number];

/** Where a program is told to listen. */
type Listening = 'port' | 'socket';

export interface PresetStart {
  /** Undefined: the configuration has to name it. */
  readonly program: string | undefined;
  /** What `model` means to it: a file that it loads, a name (or a folder), or nothing at its start. */
  readonly model: 'file' | 'name' | 'none';
  readonly format: 'gguf' | undefined;
  /** Arguments that bring a model too, where `model` is not given. */
  readonly modelArguments: readonly string[];
  /** Arguments that give the model a name; then ours, by which it is known for ours, is left out. */
  readonly nameArguments: readonly string[];
  /** Whether it can listen on a UNIX socket. */
  readonly sockets: boolean;
  readonly command: (facts: {
    readonly engine: string;
    readonly model: string | undefined;
    readonly listening: Listening;
    readonly naming: 'ours' | 'given';
  }) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether a trial request makes sense without a `model`. */
  readonly generate: 'always' | 'with a model';
}

export interface PresetFacts {
  /** For people. */
  readonly title: string;
  /** By its arguments, where they decide. */
  readonly offers: (args: readonly string[]) => readonly CapabilityName[];
  /** Undefined: greenroom does not start it. */
  readonly start: PresetStart | undefined;
  /** Where it is found when no `url` is given; undefined: it is started then. */
  readonly url: string | undefined;
  /** Of many models the one that is asked for when none is given. */
  readonly model?: string;
  readonly ready: Pick<HttpReadyConfig, 'status' | 'loading' | 'body' | 'probeTimeoutMs' | 'totalMs'> & {
    readonly http: string;
  };
}

/** What the command line shows of an instance, and its list of models says again: then it is ours that answers. */
export const instanceName = 'greenroom-${instance}';

const patience = { probeTimeoutMs: 5000, totalMs: 600_000 } as const;
/** Those that compile kernels before they answer. */
const longPatience = { ...patience, totalMs: 1_800_000 } as const;

const chats = (): readonly CapabilityName[] => ['chat'];

export const presets: Readonly<Record<PresetName, PresetFacts>> = {
  'llama-server': {
    title: 'llama-server (llama.cpp)',
    offers: (args) => (args.some((word) => /^--embeddings?$/.test(word)) ? ['embed'] : ['chat']),
    start: {
      program: 'llama-server',
      model: 'file',
      format: 'gguf',
      modelArguments: [
        '-m',
        '--model',
        '-hf',
        '-hfr',
        '--hf-repo',
        '-mu',
        '--model-url',
        '-dr',
        '--docker-repo',
      ],
      nameArguments: ['-a', '--alias'],
      sockets: true,
      command: ({ model, listening, naming }) => [
        ...(model === undefined ? [] : ['--model', model]),
        ...(listening === 'socket' ? ['--host', '${socket}'] : ['--host', '${host}', '--port', '${port}']),
        ...(naming === 'ours' ? ['--alias', instanceName] : []),
      ],
      env: {},
      generate: 'always',
    },
    url: undefined,
    // It listens at once, and answers 503 until the model is loaded.
    ready: { http: '/health', status: 200, loading: [503], body: undefined, ...patience },
  },
  'whisper-server': {
    title: 'whisper-server (whisper.cpp)',
    offers: () => ['transcribe'],
    start: {
      program: 'whisper-server',
      model: 'file',
      format: undefined,
      modelArguments: ['-m', '--model'],
      nameArguments: [],
      sockets: false,
      command: ({ model }) => [
        ...(model === undefined ? [] : ['--model', model]),
        ...['--host', '${host}', '--port', '${port}'],
        // As OpenAI has it, so that callers need not know what it is.
        ...['--inference-path', '/v1/audio/transcriptions'],
      ],
      env: {},
      generate: 'always',
    },
    url: undefined,
    // It loads before it listens; 503 comes while it loads another model.
    ready: { http: '/health', status: 200, loading: [503], body: undefined, ...patience },
  },
  vllm: {
    title: 'vLLM',
    offers: chats,
    start: {
      program: 'vllm',
      model: 'name',
      format: undefined,
      modelArguments: ['--model'],
      nameArguments: ['--served-model-name'],
      sockets: true,
      command: ({ engine, model, listening, naming }) => [
        ...['serve', ...(model === undefined ? [] : [model])],
        ...(listening === 'socket' ? ['--uds', '${socket}'] : ['--host', '${host}', '--port', '${port}']),
        ...(naming === 'ours' ? ['--served-model-name', engine, instanceName] : []),
      ],
      env: {},
      generate: 'always',
    },
    url: undefined,
    // It does not listen until it is loaded; 503 means that its engine is dead.
    ready: { http: '/health', status: 200, loading: [], body: undefined, ...longPatience },
  },
  sglang: {
    title: 'SGLang',
    offers: chats,
    start: {
      program: 'python3',
      model: 'name',
      format: undefined,
      modelArguments: ['--model', '--model-path'],
      nameArguments: ['--served-model-name'],
      sockets: false,
      command: ({ engine, model, naming }) => [
        ...['-m', 'sglang.launch_server'],
        ...(model === undefined ? [] : ['--model-path', model]),
        ...['--host', '${host}', '--port', '${port}'],
        ...(naming === 'ours' ? ['--served-model-name', engine] : []),
      ],
      env: {},
      generate: 'always',
    },
    url: undefined,
    // Its health answer generates a token, which takes its time.
    ready: {
      ...{ http: '/health', status: 200, loading: [503], body: undefined },
      ...{ ...longPatience, probeTimeoutMs: 30_000 },
    },
  },
  ollama: {
    title: 'Ollama',
    offers: chats,
    start: {
      program: 'ollama',
      model: 'none',
      format: undefined,
      modelArguments: [],
      nameArguments: [],
      sockets: false,
      command: () => ['serve'],
      env: { OLLAMA_HOST: '${address}' },
      generate: 'with a model',
    },
    url: 'http://127.0.0.1:11434',
    ready: { http: '/', status: 200, loading: [], body: 'Ollama is running', ...patience },
  },
  lmstudio: {
    title: 'LM Studio',
    offers: chats,
    start: undefined,
    url: 'http://127.0.0.1:1234',
    ready: { http: '/lmstudio-greeting', status: 200, loading: [], body: '"lmstudio":true', ...patience },
  },
  openai: {
    title: 'OpenAI',
    offers: chats,
    start: undefined,
    url: 'https://api.openai.com',
    model: 'gpt-4o-mini',
    ready: { http: '/v1/models', status: 200, loading: [], body: undefined, ...patience },
  },
  generic: {
    title: 'a server with the OpenAI API',
    offers: chats,
    start: {
      program: undefined,
      model: 'none',
      format: undefined,
      modelArguments: [],
      nameArguments: [],
      sockets: true,
      command: () => [],
      env: {},
      generate: 'always',
    },
    url: undefined,
    ready: { http: '/v1/models', status: 200, loading: undefined, body: undefined, ...patience },
  },
};
