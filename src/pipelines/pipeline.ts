// How a session is answered. A pipeline is built from the configuration; a session opens its own part of it and closes
// that very part when it ends.
import type { VadStream } from '../engines/contract.ts';
import type { EngineStatus } from '../engines/status.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { OutputChunk } from '../realtime/chunks.ts';
import type { ResponseSnapshot } from '../realtime/state.ts';
import type { TaskPlan } from '../tasks/plan.ts';
import type { Abilities, Transcription } from '../wire/session-config.ts';
import type { StageMeter, StageTimes } from './stage-times.ts';

export interface AnswerRequest {
  readonly snapshot: ResponseSnapshot;
  /** What the caller said in an item, PCM16 at the session's rate; empty when it is no longer held. */
  readonly audioOf: (itemId: string) => Int16Array;
  /** Told of each stage that is reached. Default: nobody counts. */
  readonly times?: StageTimes | undefined;
}

export interface HearRequest {
  readonly itemId: string;
  /** PCM16 at the session's rate; empty when it is no longer held. */
  readonly pcm: Int16Array;
  /** ISO 639-1; null where the engine has to find out. */
  readonly language: string | null;
}

export interface ListenRequest {
  readonly itemId: string;
  /** As it is spoken, PCM16 at the session's rate; ends where the speech does. */
  readonly pcm: AsyncIterable<Int16Array> & { readonly ended: boolean };
  /** ISO 639-1; null where the engine has to find out. */
  readonly language: string | null;
}

export interface PipelineSession {
  /** The answer, in order, made no faster than it is taken. Ends early, without an error, when the signal aborts. */
  respond(request: AnswerRequest, signal: AbortSignal): AsyncIterable<OutputChunk>;
  /** All that is heard of one item so far, again and again; the last is the transcript. Only where it hears words. */
  hear(request: HearRequest, signal: AbortSignal): AsyncIterable<string>;
  /**
   * As `hear`, of somebody who still speaks. Undefined where that cannot be done now. May end before the speech does: then
   * it is heard again, whole.
   */
  listen?(request: ListenRequest, signal: AbortSignal): AsyncIterable<string> | undefined;
  /** Voice activity over this session's input; only while the pipeline is ready, and where it hears anything. */
  openVad(rateHz: number): VadStream;
  close(): Promise<void> | void;
}

/** What every pipeline has, however its sessions are answered. */
export interface PipelineBasics {
  readonly name: string;
  readonly kind: string;
  /** Which build of it this is, from 1. Left out: the only one. */
  readonly generation?: number;
  readonly voice: string;
  readonly instructions: string;
  readonly abilities: Abilities;
  /** Who writes down what the caller says; null where nobody does. */
  readonly transcription: Transcription | null;
  /** How long its answers took; left out where nobody counts. */
  readonly stages?: StageMeter;
  /** Names of the engines that have to be ready before it can answer. */
  readonly needs: readonly string[];
  /** Background work that its sessions can have done; left out: none. */
  readonly tasks?: readonly TaskPlan[];
  /** Somebody waits for an answer: engines that are unloaded are woken. */
  need(): void;
  /** Where the engines it needs stand. */
  readiness(): PipelineReadiness;
  /** Told of every change in one of its engines; returns the undo. */
  onChange(listener: () => void): () => void;
}

/** Answers with engines of this gateway. */
export interface Pipeline extends PipelineBasics {
  /**
   * Opens the part of the session whose scope this is; its engines are not unloaded while it is open. May throw: nothing
   * is left then.
   */
  open(scope: Scope): Promise<PipelineSession> | PipelineSession;
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
