// One run of an engine, whatever its kind: what the engine asks of it and what it tells.
import type { Capability, PcmChunk, VadStream } from './contract.ts';
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
}

export interface EngineInstance {
  readonly pid: number | null;
  readonly port: number | null;
  readonly offers: readonly Capability[];
  /** The last lines it wrote. */
  readonly logTail: readonly string[];
  /** Asks it to end: TERM to its group, a message to a thread. */
  terminate(): void;
  /** Ends it. */
  kill(): void;
  speak(call: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk>;
  openVad(rateHz: number): VadStream;
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
