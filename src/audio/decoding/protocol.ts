// What the threads say to each other: one request of a stream at a time, and an answer to each. What is answered is at most
// a piece, and the rest is asked for: so nobody has more decoded than he takes, and many streams have their turns.
import type { PlaceChange } from './place-changes.ts';

export type Container = 'wav' | 'webm';

/** Whether the place of a stream is told, so that it can be recorded from its middle: it costs a copy of what is held. */
export type PlaceWish = 'told' | 'untold';

export type DecodingRequest =
  /** `toHz`: what is wanted, mono; null: nothing, it is only looked through. */
  | {
      readonly type: 'open';
      readonly stream: number;
      readonly container: Container;
      readonly toHz: number | null;
      readonly place: PlaceWish;
    }
  | { readonly type: 'push'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly type: 'more'; readonly stream: number }
  /** Nothing more comes. */
  | { readonly type: 'end'; readonly stream: number }
  /** Not answered. */
  | { readonly type: 'close'; readonly stream: number };

/** What is known of a stream by now. */
export interface StreamFacts {
  readonly codec: 'pcm' | 'opus';
  /** At which its samples are counted: of a WAV its own, of Opus 48000. */
  readonly rateHz: number;
  readonly samples: number;
}

export interface DecodingReply {
  readonly stream: number;
  readonly pcm: Int16Array;
  /** `more`: there is more of what was pushed. */
  readonly state: 'more' | 'through';
  /** Why it cannot be read on. */
  readonly fault: { readonly message: string; readonly atByte: number | null } | null;
  readonly facts: StreamFacts | null;
  /** Of a WebM, to be recorded from here on; null: it is not told, or as it was. */
  readonly place: PlaceChange | null;
}
