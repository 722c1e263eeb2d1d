// What a pipeline declares as background work: which engine is asked what, and how its result is told.
import type { Engine } from '../engines/engine.ts';
import type { ReadResult } from './result.ts';

export interface TaskPlan {
  readonly name: string;
  /** The function by which the model of the session triggers it; undefined: it cannot. */
  readonly tool: { readonly name: string; readonly description: string } | undefined;
  readonly think: Pick<Engine, 'name' | 'need' | 'whenReady' | 'chat' | 'lobby'>;
  readonly instructions: string;
  /** The JSON schema of the result; undefined: it is text. */
  readonly schema: Readonly<Record<string, unknown>> | undefined;
  readonly read: ReadResult;
  /** `end`: it begins when the session has ended. */
  readonly on: 'end' | undefined;
  /** How the result is told aloud; undefined: it is not. */
  readonly speak: SpeakPlan | undefined;
  /** From its trigger until it has failed. */
  readonly limitMs: number;
}

export interface SpeakPlan {
  /** For this one answer, where that can be switched; undefined: the session's own. */
  readonly voice: string | undefined;
  /** What is said of the result, and how; holds also where the voice cannot be switched. */
  readonly instructions: string | undefined;
}
