// `builtin: llama`: llama.cpp by node-llama-cpp in a process of its own, which is run as any other program is.
import type { BuiltinEngineConfig, RunEngineConfig } from '../../config/types.ts';
import { shippedFile } from '../locate.ts';

/** What is written of it; the model is an absolute path. */
interface LlamaOptions {
  readonly model: string;
  readonly context?: number;
  readonly threads?: number;
  readonly gpu?: 'auto' | false;
  readonly parallel?: number;
}

const probeTimeoutMs = 5000;
const generateTimeoutMs = 30_000;

export function llamaProgram({
  builtin: _,
  options,
  ready,
  ...basics
}: BuiltinEngineConfig): RunEngineConfig {
  const { model, context, threads, gpu, parallel } = options as unknown as LlamaOptions;
  const given = Object.entries({ context, threads, gpu, parallel }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
  return {
    ...basics,
    kind: 'run',
    preset: undefined,
    run: [
      ...[process.execPath, shippedFile('llama-server'), '--model', model],
      ...['--host', '${host}', '--port', '${port}', '--alias', basics.name, ...given],
    ],
    host: '127.0.0.1',
    port: 'auto',
    socket: undefined,
    env: {},
    cwd: process.cwd(),
    model: { path: model, format: 'gguf', exclusive: false },
    modelName: basics.name,
    ready: {
      ...ready,
      ...{ http: '/health', status: 200, loading: [503], body: undefined, log: undefined },
      ...{ owned: true, generate: true, probeTimeoutMs, generateTimeoutMs },
    },
  };
}
