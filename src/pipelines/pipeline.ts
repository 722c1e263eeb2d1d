// How a session is answered. A pipeline is built from the configuration; a session opens its own part of it and closes
// that very part when it ends.
import type { VadStream } from '../engines/contract.ts';
import type { EngineStatus } from '../engines/status.ts';
import type { OutputChunk, ResponseSnapshot } from '../realtime/state.ts';

export interface AnswerRequest {
  readonly snapshot: ResponseSnapshot;
  /** What the caller said in an item, PCM16 at the session's rate; empty when it is no longer held. */
  readonly audioOf: (itemId: string) => Int16Array;
}

export interface PipelineSession {
  /** The answer, in order, made no faster than it is taken. Ends early, without an error, when the signal aborts. */
  respond(request: AnswerRequest, signal: AbortSignal): AsyncIterable<OutputChunk>;
  /** Voice activity over this session's input; only while the pipeline is ready. */
  openVad(rateHz: number): VadStream;
  close(): Promise<void> | void;
}

export interface Pipeline {
  readonly name: string;
  readonly kind: string;
  readonly voice: string;
  readonly instructions: string;
  /** Names of the engines that have to be ready before it can answer. */
  readonly needs: readonly string[];
  /** Opens a session's part; its engines are not unloaded while it is open. May throw: nothing is left then. */
  open(): Promise<PipelineSession> | PipelineSession;
  /** Somebody waits for an answer: engines that are unloaded are woken. */
  need(): void;
  /** Where the engines it needs stand. */
  readiness(): PipelineReadiness;
  /** Told of every change in one of its engines; returns the undo. */
  onChange(listener: () => void): () => void;
}

export interface PipelineReadiness {
  /** `failed`: an engine will not come back by itself. */
  readonly state: 'waiting' | 'ready' | 'failed';
  readonly engines: readonly EngineStatus[];
}

export function readinessOf(engines: readonly EngineStatus[]): PipelineReadiness {
  const states = engines.map(({ state }) => state);
  if (states.some((state) => state === 'failed' || state === 'stopped')) return { state: 'failed', engines };
  return { state: states.every((state) => state === 'ready') ? 'ready' : 'waiting', engines };
}
