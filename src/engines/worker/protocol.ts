// What travels between the gateway and a worker engine's host, over the channel of a process (channel.ts) or a thread's
// port. Structured clone on both, so typed arrays travel as they are.
import type { Capability, ChatPart, PcmChunk, TranscriptPart } from '../contract.ts';

/** One probability per frame of a voice-activity stream. */
export type Frames = readonly { readonly speech: number }[];

/** What can be asked of an engine in a call, and what its answer is made of. */
export interface Answers {
  readonly speak: PcmChunk;
  readonly chat: ChatPart;
  readonly transcribe: TranscriptPart;
  readonly embed: Float32Array;
}

export type CallMethod = keyof Answers;

/** In which message a piece of the answer comes. */
export const answerTypes = {
  speak: 'chunk',
  chat: 'part',
  transcribe: 'heard',
  embed: 'vector',
} as const satisfies Record<CallMethod, FromHost['type']>;

export type ToHost =
  | { readonly type: 'load'; readonly module: string; readonly options: Readonly<Record<string, unknown>> }
  | {
      readonly type: 'call';
      readonly id: number;
      readonly method: CallMethod;
      readonly args: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'open'; readonly id: number; readonly args: { readonly rate: number } }
  | { readonly type: 'push'; readonly id: number; readonly pcm: Int16Array }
  /** For a call that hears; null: that was all. */
  | { readonly type: 'give'; readonly id: number; readonly pcm: Int16Array | null }
  /** The consumer has taken a piece of the answer: one more may be made. */
  | { readonly type: 'taken'; readonly id: number }
  /** Aborts a call; closes a stream. */
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'close' };

/** from-host.ts checks all of it. */
export type FromHost =
  | { readonly type: 'hello' }
  | { readonly type: 'progress'; readonly fraction: number; readonly text: string | null }
  | { readonly type: 'loaded'; readonly offers: readonly Capability[]; readonly concurrency: number }
  | {
      readonly type: 'load_failed';
      /** `passing`: for want of files, processes or memory. */
      readonly reason: 'contract' | 'load' | 'passing';
      readonly message: string;
      readonly stack: string;
    }
  | { readonly type: 'chunk'; readonly id: number; readonly value: Answers['speak'] }
  | { readonly type: 'part'; readonly id: number; readonly value: Answers['chat'] }
  | { readonly type: 'heard'; readonly id: number; readonly value: Answers['transcribe'] }
  | { readonly type: 'vector'; readonly id: number; readonly value: Answers['embed'] }
  /** The engine has taken one of what it was given to hear: one more may come. */
  | { readonly type: 'given'; readonly id: number }
  /** The answer to the oldest push that has none. */
  | { readonly type: 'pushed'; readonly id: number; readonly value: Frames }
  /** The call has really ended, also after a cancel: its lane is free. */
  | { readonly type: 'ended'; readonly id: number }
  | { readonly type: 'call_failed'; readonly id: number; readonly message: string; readonly stack: string };

/** Of a call or a stream. */
export type CallMessage = Extract<FromHost, { id: number }>;

/** Of what is said of its progress. */
export const progressCharsMax = 200;

/** Pieces that may be under way, in either direction, to who has not taken them. */
export const chunksAhead = 8;

/** A part of a larger buffer travels with the whole of it, so it gets one of its own first. */
export function ownBuffer<Numbers extends Int16Array | Float32Array>(numbers: Numbers): Numbers {
  const own = numbers.buffer instanceof ArrayBuffer && numbers.byteLength === numbers.buffer.byteLength;
  return own ? numbers : (numbers.slice() as Numbers);
}
