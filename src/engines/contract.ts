// The contract of a worker engine: what its module's default export looks like. Plain data and functions, so that
// an engine needs no import of ours; these types are for those who like to have them checked.

export type Capability = 'chat' | 'transcribe' | 'speak' | 'embed' | 'vad';

export const capabilities: readonly string[] = [
  'chat',
  'transcribe',
  'speak',
  'embed',
  'vad',
] satisfies Capability[];

/** What a chunk's `rate` can be: from less than a telephone to twice what studios use. */
const [rateHzMin, rateHzMax] = [1000, 384_000];
export const rateExpected = `a whole number of samples per second from ${rateHzMin} to ${rateHzMax}`;

export function isRate(rate: unknown): rate is number {
  return Number.isInteger(rate) && (rate as number) >= rateHzMin && (rate as number) <= rateHzMax;
}

/** 16-bit signed mono samples at `rate` Hz, a whole number; all chunks of one answer have the same. */
export interface PcmChunk {
  readonly pcm: Int16Array;
  readonly rate: number;
}

export interface SpeakRequest {
  readonly text: string;
  readonly voice?: string;
  readonly signal: AbortSignal;
}

/** A piece of a chat's answer; `finish` is the last. */
export type ChatPart =
  | { readonly text: string }
  | { readonly toolCall: { readonly id: string; readonly name: string; readonly arguments: string } }
  | { readonly finish: string; readonly usage?: Readonly<Record<string, number>> };

/** What has been heard of an utterance: all of it, again with each piece; `final` once it will not change. */
export interface TranscriptPart {
  readonly text: string;
  readonly final: boolean;
}

/** A voice-activity stream. `push` takes samples at the rate asked for and answers one probability per frame. */
export interface VadStream {
  push(pcm: Int16Array): Promise<readonly { readonly speech: number }[]>;
  close(): Promise<void> | void;
}

export interface LoadContext {
  readonly options: Readonly<Record<string, unknown>>;
  readonly progress: (fraction: number, text?: string) => void;
  readonly signal: AbortSignal;
}

/** What `load` resolves to. Only the offered capabilities need to be there. */
export interface LoadedEngine {
  speak?(request: SpeakRequest): AsyncIterable<PcmChunk>;
  chat?(request: Readonly<Record<string, unknown>>): AsyncIterable<unknown>;
  transcribe?(request: Readonly<Record<string, unknown>>): AsyncIterable<unknown>;
  embed?(request: Readonly<Record<string, unknown>>): Promise<Float32Array[]>;
  /** Samples per frame at this rate is the engine's own choice; `frameMs` says it (default 32). */
  vad?(request: { readonly rate: number }): VadStream | Promise<VadStream>;
  close?(): Promise<void> | void;
}

export interface EngineModule {
  readonly contract: 1;
  readonly offers: readonly Capability[];
  /** Calls at a time; further ones wait. Default 1. */
  readonly concurrency?: number;
  load(context: LoadContext): Promise<LoadedEngine> | LoadedEngine;
}
