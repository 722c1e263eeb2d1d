// What travels between the gateway and a worker engine's host, over a child process's IPC channel or a thread's port.
// Structured clone on both, so typed arrays travel as they are.
import type { Capability } from '../contract.ts';

export type ToHost =
  | { readonly type: 'load'; readonly module: string; readonly options: Readonly<Record<string, unknown>> }
  | {
      readonly type: 'call';
      readonly id: number;
      readonly method: 'speak';
      readonly args: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'open'; readonly id: number; readonly args: { readonly rate: number } }
  | { readonly type: 'push'; readonly id: number; readonly pcm: Int16Array }
  /** The consumer has taken a chunk: one more may be made. */
  | { readonly type: 'taken'; readonly id: number }
  /** Aborts a call; closes a stream. */
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'close' };

export type FromHost =
  | { readonly type: 'hello' }
  | { readonly type: 'progress'; readonly fraction: number; readonly text: string | null }
  | { readonly type: 'loaded'; readonly offers: readonly Capability[]; readonly concurrency: number }
  | {
      readonly type: 'load_failed';
      readonly reason: 'contract' | 'load';
      readonly message: string;
      readonly stack: string;
    }
  | { readonly type: 'chunk'; readonly id: number; readonly value: unknown }
  /** The answer to the oldest push that has none. */
  | { readonly type: 'pushed'; readonly id: number; readonly value: unknown }
  /** The call has really ended, also after a cancel: its lane is free. */
  | { readonly type: 'ended'; readonly id: number }
  | { readonly type: 'call_failed'; readonly id: number; readonly message: string; readonly stack: string };

/** Chunks that may be under way to a consumer that has not taken them. */
export const chunksAhead = 8;
