// What a stream tells beside its events, by name.
import type { EvictionFacts, GapFacts, HubControl } from '../../wire/hub.ts';

type ControlOf<T extends HubControl['type']> = HubControl & { readonly type: T };

export interface HubTold {
  /** A connection has opened, the first or a further one. */
  readonly welcome: ControlOf<'welcome'>;
  /** Events that will not come. Told in its place: between the event before and the one after, as they are read. */
  readonly gap: GapFacts;
  /** We were too slow, and sent away; told when we are back. */
  readonly evicted: EvictionFacts;
  /** We are slow. */
  readonly lag: ControlOf<'lag'>;
  /** The gateway ends the connection, and says why and when to come back. */
  readonly bye: ControlOf<'bye'>;
  /** The connection was lost, or could not be had again: the next attempt, from 1, and when. */
  readonly reconnecting: {
    readonly reason: string;
    readonly attempt: number;
    readonly retryMs: number;
  };
  /** What the gateway could not do, or what came that cannot be understood (`protocol_error`). The stream goes on. */
  readonly error: { readonly code: string; readonly message: string };
}

export const toldNames: readonly string[] = [
  ...['welcome', 'gap', 'evicted', 'lag', 'bye', 'reconnecting', 'error'],
];
