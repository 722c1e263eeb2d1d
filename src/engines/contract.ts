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
  /** 1 is its own; 2 twice as fast. Left out: its own. */
  readonly speed?: number;
  readonly signal: AbortSignal;
}

/** Messages, tools and the rest as OpenAI's chat completions have them. */
export interface ChatRequest {
  readonly messages: readonly unknown[];
  readonly tools?: readonly unknown[];
  /** A JSON schema that the answer has to fit. */
  readonly responseSchema?: Readonly<Record<string, unknown>>;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly stop?: readonly string[];
  /** Whatever else the caller sent. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

export interface TranscribeRequest {
  /** 16-bit signed mono samples at `rate` Hz; comes no faster than it is taken. */
  readonly pcm: AsyncIterable<Int16Array>;
  readonly rate: number;
  /** ISO 639-1; left out where the engine has to find out. */
  readonly language?: string;
  readonly signal: AbortSignal;
}

export interface EmbedRequest {
  readonly input: readonly string[];
  readonly signal: AbortSignal;
}

/** A piece of a chat's answer; `finish` (`stop`, `length`, `tool_calls`) is the last. */
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
  chat?(request: ChatRequest): AsyncIterable<ChatPart>;
  transcribe?(request: TranscribeRequest): AsyncIterable<TranscriptPart>;
  /** One vector for each text, in their order. */
  embed?(request: EmbedRequest): Promise<readonly Float32Array[]>;
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
