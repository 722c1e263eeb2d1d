// The command line of the engine.
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A UNIX socket. */
  | { readonly kind: 'socket'; readonly path: string };

export interface LlamaServerOptions {
  /** Path of a GGUF file; of several parts, the first. */
  readonly model: string;
  readonly address: ListenAddress;
  /** Tokens of prompt and answer together, for each of `parallel`. What the model was trained for is the most. */
  readonly contextTokens: number;
  readonly threads: number;
  readonly gpu: 'auto' | false;
  /** Answers at a time. */
  readonly parallel: number;
  /** Further requests that wait for their turn; one more is refused. */
  readonly waiting: number;
  /** What the model is called in answers. */
  readonly alias: string;
}

export const usage = `usage: llama-server.js --model FILE.gguf (--port N [--host ADDRESS] | --socket PATH)
  --context N       tokens of prompt and answer together (4096, at most what the model was trained for)
  --threads N       default: the cores there are but one, which the gateway needs; at most all of them
  --gpu auto|false  auto takes a GPU where node-llama-cpp has a build for it
  --parallel N      answers at a time (1)
  --waiting N       further requests that wait for their turn (64)
  --alias NAME      what the model is called (the file's name)`;

/** Throws `bad_usage`, which says what is wrong. */
export function parseArguments(argv: readonly string[], cores = availableParallelism()): LlamaServerOptions {
  const given = read(argv);
  if (given.model === undefined) throw bad('--model FILE.gguf is missing');
  return {
    model: given.model,
    address: addressOf(given),
    contextTokens: count('--context', given.context, { most: 16_777_216 }) ?? 4096,
    threads: Math.min(count('--threads', given.threads, { most: 4096 }) ?? Math.max(1, cores - 1), cores),
    gpu: gpuOf(given.gpu),
    parallel: count('--parallel', given.parallel, { most: 256 }) ?? 1,
    waiting: count('--waiting', given.waiting, { least: 0, most: 100_000 }) ?? 64,
    alias: given.alias || basename(given.model, '.gguf'),
  };
}

type Given = ReturnType<typeof read>;

function read(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        model: text,
        host: text,
        port: text,
        socket: text,
        context: text,
        threads: text,
        gpu: text,
        parallel: text,
        waiting: text,
        alias: text,
      },
    }).values;
  } catch (error) {
    throw bad(messageOf(error), error);
  }
}

function addressOf({ host, port, socket }: Given): ListenAddress {
  if (socket !== undefined) {
    if (port !== undefined || host !== undefined)
      throw bad('--socket stands alone, without --port and --host');
    return { kind: 'socket', path: socket };
  }
  const number = count('--port', port, { least: 0, most: 65_535 });
  if (number === undefined) throw bad('--port N or --socket PATH is missing');
  return { kind: 'tcp', host: host ?? '127.0.0.1', port: number };
}

function gpuOf(given = 'auto'): 'auto' | false {
  if (given === 'auto') return given;
  if (given === 'false') return false;
  throw bad(`--gpu is auto or false, not ${given}`);
}

function count(
  name: string,
  given: string | undefined,
  { least = 1, most }: { readonly least?: number; readonly most: number },
): number | undefined {
  if (given === undefined) return undefined;
  const number = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw bad(`${name} is a whole number from ${least} to ${most}, not ${given}`);
}

const bad = (message: string, cause?: unknown) => new GreenroomError('bad_usage', message, { cause });
