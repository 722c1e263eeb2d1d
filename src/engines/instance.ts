// One run of an engine, whatever its kind: what the engine asks of it and what it tells.
import type { Capability, ChatPart, PcmChunk, TranscriptPart, VadStream } from './contract.ts';
import type { Endpoint } from './endpoint.ts';
import type { CheckDepth, CheckVerdict } from './engine-watch.ts';
import type { EngineFailure, Rung } from './state.ts';

export interface InstanceEvents {
  readonly climbed: (rung: Rung) => void;
  readonly progressed: (fraction: number | null, text: string | null) => void;
  /** It wrote something. */
  readonly active: () => void;
  /** It cannot become ready, or is no longer fit; it is still there. */
  readonly failed: (failure: EngineFailure) => void;
  /** It is gone. Told exactly once, and always after a spawn, also when the spawn itself failed. */
  readonly exited: (failure: EngineFailure) => void;
}

export interface SpeakCall {
  readonly text: string;
  readonly voice: string | null;
  /** 1 is its own; 2 twice as fast. Left out: its own. Engines that cannot do it ignore it. */
  readonly speed?: number;
}

/** As OpenAI's chat completions have them. */
export interface ChatCall {
  readonly messages: readonly unknown[];
  readonly tools?: readonly unknown[];
  /** A JSON schema that the answer has to fit. */
  readonly responseSchema?: Readonly<Record<string, unknown>>;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly stop?: readonly string[];
  /** Whatever else the caller sent, for engines that know it. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface TranscribeCall {
  /** Mono. */
  readonly pcm: AsyncIterable<Int16Array>;
  readonly rate: number;
  /** ISO 639-1; null where the engine has to find out. */
  readonly language: string | null;
}

export interface EmbedCall {
  readonly input: readonly string[];
}

export interface EngineInstance {
  readonly pid: number | null;
  readonly port: number | null;
  readonly offers: readonly Capability[];
  /** Where it is asked over HTTP; null: by calls alone, or not yet known. */
  readonly endpoint: Endpoint | null;
  /** What it calls its model, where that is not its own name. Known when it is ready. */
  readonly modelName?: string | null;
  /** Of each rung that it has climbed who showed it, and how. */
  readonly evidence?: Readonly<Partial<Record<Rung, string>>>;
  /** The last lines it wrote. */
  readonly logTail: readonly string[];
  /** Asks it to end: TERM to its group, a message to a thread. */
  terminate(): void;
  /** Ends it. */
  kill(): void;
  speak(call: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk>;
  chat(call: ChatCall, signal: AbortSignal): AsyncIterable<ChatPart>;
  transcribe(call: TranscribeCall, signal: AbortSignal): AsyncIterable<TranscriptPart>;
  embed(call: EmbedCall, signal: AbortSignal): Promise<readonly Float32Array[]>;
  openVad(rateHz: number): VadStream;
  /** Whether it is still fit, where that can be asked; never rejects. */
  check?(depth: CheckDepth): Promise<CheckVerdict>;
  /** Of one that should listen and is not heard: what can be seen of that; never rejects. */
  unheard?(): Promise<string>;
  /** Of one that takes audio as it comes: calls at a time. Left out: it does not, or has not loaded. */
  readonly lanes?: number | null;
  /** Calls under way, for the books. */
  readonly activeCalls: number;
}

export interface SpawnRequest {
  readonly engine: string;
  /** `GREENROOM_INSTANCE` of this run. */
  readonly marker: string;
  readonly events: InstanceEvents;
}

export type Spawner = (request: SpawnRequest) => EngineInstance;
