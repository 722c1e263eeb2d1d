// A place at an engine: for as long as it is held the engine is not unloaded, swapped or restarted from under its user.
import type { EngineInstance } from './instance.ts';

/** `failed`: the engine is to blame; some of these in a row make it suspect. */
export type LeaseEnd = 'done' | 'failed' | 'cancelled';

export interface Lease {
  /** Ready when the lease was given. It may still fail or be stopped for good: calls then tell. */
  readonly instance: EngineInstance;
  /** The engine has given something: it works. */
  heard(): void;
  /** Idempotent. Default `done`. */
  release(end?: LeaseEnd): void;
}

export interface AdmitOptions {
  /** The caller has left; its place is given to the next. */
  readonly signal: AbortSignal;
  /** Told once, when it has to wait. `position` is 1 for who is next, whenever it is asked; 0 when it waits no more. */
  readonly onWait?: (place: { position(): number }) => void;
}
