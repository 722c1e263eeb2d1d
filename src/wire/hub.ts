// What travels on `/v1/events`. An event has an `id`, a control message a `type`: nothing has both.

/** `EPOCH.SEQ`: the epoch is one life of the ring, the sequence has no holes over all its topics. */
export interface HubEvent {
  readonly id: string;
  readonly topic: string;
  /** When it was published, ms since 1970. */
  readonly ts: number;
  /** As it was published, byte for byte. */
  readonly data: unknown;
}

/** What a watcher did not get. Ids are inclusive. */
export interface GapFacts {
  readonly from: string;
  readonly to: string;
  /** Events on its topics; null where nobody can tell any more. */
  readonly count: number | null;
  /**
   * `expired`: older than the ring; `epoch`: the gateway was started anew; `ahead`: the id is of events that have not
   * been; `slow`: it was too slow, and skips; `conflated`: it was too slow, and gets the newest of each key.
   */
  readonly reason: 'expired' | 'epoch' | 'ahead' | 'slow' | 'conflated';
}

/** Why and when a watcher was sent away the last time. */
export interface EvictionFacts {
  /** `unsent`: what was published could not be sent; `silent`: probes were not answered. */
  readonly reason: 'unsent' | 'silent';
  /** How old the oldest unsent event, or unanswered probe, was. */
  readonly ms: number;
  /** The last event that was given to its connection; null: none was. */
  readonly lastId: string | null;
  /** ms since 1970. */
  readonly ts: number;
}

/** From the gateway. On SSE they are `event: control`. */
export type HubControl =
  | {
      readonly type: 'welcome';
      readonly epoch: string;
      /** The newest event there is. */
      readonly head: string;
      /** Come back with it (`client=`), and you are told why you were sent away. */
      readonly client: string;
      readonly topics: readonly string[];
      /** Whether everything since the given id follows; without such an id it is left out. */
      readonly recovered?: boolean;
      readonly gap?: GapFacts;
      readonly evicted?: EvictionFacts;
    }
  | ({ readonly type: 'gap' } & GapFacts)
  /** You are slow: the oldest event that you have not got is so old. Told once, and again when it was better between. */
  | { readonly type: 'lag'; readonly ms: number; readonly events: number }
  /** Asked for with `ping=1`: answer with the last id that you have processed. */
  | { readonly type: 'ping'; readonly id: string }
  | { readonly type: 'pong'; readonly ref?: string | number }
  | {
      readonly type: 'subscribed' | 'unsubscribed';
      readonly topics: readonly string[];
      readonly head: string;
    }
  /** To a publication with a `ref`. */
  | { readonly type: 'published'; readonly id: string; readonly ref: string | number }
  | {
      readonly type: 'error';
      readonly code: string;
      readonly message: string;
      readonly ref?: string | number;
    }
  /** The last one. `retryMs`: come back after so long; null: do not. */
  | { readonly type: 'bye'; readonly code: number; readonly reason: string; readonly retryMs: number | null };

/** From a watcher: as a message of its WebSocket, or posted to `/v1/events/clients/CLIENT`. */
export type HubRequest =
  | { readonly type: 'subscribe'; readonly topics: readonly string[]; readonly snapshot?: boolean }
  | { readonly type: 'unsubscribe'; readonly topics: readonly string[] }
  | {
      readonly type: 'publish';
      readonly topic?: string;
      readonly key?: string;
      readonly data: unknown;
      readonly ref?: string | number;
    }
  | { readonly type: 'pong'; readonly id: string }
  | { readonly type: 'ping'; readonly ref?: string | number };

/** Of one post: what was taken, and what was not, each with its place (from 1) and reason. */
export interface Published {
  readonly accepted: number;
  /** Of the last one that was taken; null: none was. */
  readonly id: string | null;
  /** Where that one went. */
  readonly topic: string | null;
  /** How many were not. */
  readonly rejectedCount: number;
  /** The first 100 of them. */
  readonly rejected: readonly { readonly line: number; readonly code: string; readonly message: string }[];
}

export const formatEventId = (epoch: string, seq: number): string => `${epoch}.${seq}`;

/** Undefined when it is no id. */
export function parseEventId(id: string): { readonly epoch: string; readonly seq: number } | undefined {
  const [, epoch, digits] = /^([A-Za-z0-9]{1,32})\.(\d{1,15})$/.exec(id) ?? [];
  return epoch === undefined ? undefined : { epoch, seq: Number(digits) };
}
