// What everybody is shown of a session: the API and the console. Never what was said.

export interface SessionFacts {
  readonly id: string;
  readonly pipeline: string;
  readonly state: 'lobby' | 'ready' | 'failed' | 'closing';
  readonly ageMs: number;
  readonly remote: string;
  readonly items: number;
  readonly response: string | null;
  readonly pendingBytes: number;
}
