// What a producer hands to the hub, whichever way it came.
import type { GreenroomError } from '../lifecycle/errors.ts';

export interface Publication {
  /** As `topic.ts` has it; not checked any more. */
  readonly topic: string;
  /** Of a topic's several things, which one: `conflate` keeps the newest of each. Default: the topic itself. */
  readonly key: string | null;
  /** JSON, as it came. The hub copies it. */
  readonly data: Uint8Array;
}

/** Outcome of reading one: a value, since bad input is expected. */
export type ReadPublication =
  | { readonly state: 'good'; readonly publication: Publication }
  | { readonly state: 'bad'; readonly error: GreenroomError };

/** Where publications go. Never waits for a watcher. */
export interface Publishes {
  /** Returns its id. Throws `server_shutdown` when nothing is taken any more. */
  publish(publication: Publication): string;
}

/** JSON bytes of one event's data. */
export const dataBytesMax = 1024 * 1024;
