// What the recorder and its thread say to each other.
import type { StreamPlace } from '../audio/webm/demuxer.ts';
import type { TakeFacts } from './facts.ts';
import type { Seen } from './importing.ts';
import type { TakeName } from './names.ts';
import type { RecordingLimits } from './retention.ts';

export interface RecordingsThreadData {
  /** The folder of all recordings. */
  readonly root: string;
  readonly limits: RecordingLimits;
  readonly version: string;
}

/** What happens to a take, in order. `key` is its number in this gateway. */
export type Step =
  | {
      readonly type: 'start';
      readonly key: number;
      readonly name: TakeName;
      readonly pipeline: string;
      readonly formats: 'asked' | 'told';
      /** Ms since the epoch. */
      readonly atMs: number;
      /** The last events that said what formats are in effect. */
      readonly context: readonly string[];
    }
  /** A stream of WebM is under way: what it has to begin with, and how much of what comes belongs to what was before. */
  | { readonly type: 'place'; readonly key: number; readonly place: StreamPlace }
  | {
      readonly type: 'event';
      readonly key: number;
      readonly from: 'caller' | 'gateway';
      /** Since the start of the take. */
      readonly ms: number;
      readonly text: string;
    }
  | { readonly type: 'stop'; readonly key: number; readonly reason: string; readonly atMs: number }
  /** It cannot go on. */
  | { readonly type: 'fail'; readonly key: number; readonly why: string; readonly atMs: number };

export type Query =
  | { readonly of: 'list'; readonly session: string | undefined; readonly limit: number }
  | { readonly of: 'one'; readonly name: TakeName }
  | { readonly of: 'remove'; readonly name: TakeName }
  | { readonly of: 'remove_all'; readonly session: string }
  /** For a file that is brought along. */
  | { readonly of: 'room'; readonly session: string }
  /** It has come, to `path`: it is to be a take. */
  | (Seen & {
      readonly of: 'adopt';
      readonly session: string;
      readonly path: string;
      /** Ms since the epoch. */
      readonly atMs: number;
    });

export type Found =
  | { readonly state: 'list'; readonly takes: readonly TakeFacts[] }
  | { readonly state: 'one'; readonly take: TakeFacts }
  | { readonly state: 'room'; readonly path: string }
  | { readonly state: 'removed'; readonly take: TakeFacts }
  | { readonly state: 'removed_all'; readonly count: number }
  | { readonly state: 'under_way' }
  /** `takes`: those of the same session. */
  | { readonly state: 'unknown'; readonly takes: readonly number[] }
  /** Its folder is there, and what is in it is not what we made. */
  | { readonly state: 'broken'; readonly message: string }
  | { readonly state: 'failed'; readonly message: string };

export type RecorderRequest =
  | { readonly type: 'steps'; readonly id: number; readonly steps: readonly Step[] }
  | { readonly type: 'query'; readonly id: number; readonly query: Query }
  /** The last one: the thread ends. */
  | { readonly type: 'close' };

export type RecorderReply =
  /** They are in the files, as far as their takes can be written. */
  | { readonly type: 'written'; readonly id: number }
  | { readonly type: 'take'; readonly key: number; readonly take: TakeFacts }
  | { readonly type: 'refused'; readonly key: number; readonly message: string }
  | { readonly type: 'removed'; readonly take: TakeFacts }
  /** All that have ended and are on the disk: when the thread has looked for them. */
  | { readonly type: 'looked'; readonly takes: readonly TakeFacts[] }
  | { readonly type: 'found'; readonly id: number; readonly found: Found }
  /** For the log. */
  | { readonly type: 'notice'; readonly message: string };
