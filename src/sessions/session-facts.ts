// What everybody is shown of a session: the API and the console. Never what was said.

export interface SessionFacts {
  readonly id: string;
  readonly pipeline: string;
  /** Of the pipeline, from 1: the session keeps it to its end. */
  readonly generation: number;
  readonly state: 'lobby' | 'ready' | 'failed' | 'closing';
  readonly ageMs: number;
  readonly remote: string;
  readonly items: number;
  readonly response: string | null;
  readonly pendingBytes: number;
}
