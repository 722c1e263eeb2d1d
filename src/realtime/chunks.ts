// What an answer is made of, piece by piece: as a pipeline gives it, and as its caller is sent it.
import type { AnswerSource } from '../wire/notices.ts';
import type { Usage } from '../wire/server-events.ts';

/** What is said, as far as it is known; precedes or accompanies its audio. */
interface TextChunk {
  readonly type: 'text';
  readonly text: string;
  /**
   * Given where `said` tells the end of its speech. `filler`: said to pass the time, spoken and shown like the rest, and
   * no part of the answer for who thinks.
   */
  readonly part?: 'sentence' | 'filler';
}

/** Who answers. Comes first, if at all. */
interface SourceChunk {
  readonly type: 'source';
  readonly source: AnswerSource;
}

/** A function that the client is to call, complete. */
export interface CallChunk {
  readonly type: 'call';
  /** As the engine has it; need not be unique. */
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
}

/** The speech of what was said last is all there. */
interface SaidChunk {
  readonly type: 'said';
}

/** Why an answer ends where it does, and what it took. Comes last, if at all. */
export interface EndingChunk {
  readonly type: 'ending';
  /** Null: it is complete. */
  readonly cutBy: 'max_output_tokens' | 'content_filter' | null;
  readonly usage: Usage | null;
}

/** What an answer is made of. */
export type OutputChunk =
  | TextChunk
  | SourceChunk
  | SaidChunk
  | CallChunk
  | EndingChunk
  /** PCM16 at the session's rate. */
  | { readonly type: 'audio'; readonly pcm: Int16Array };

/** What the caller is sent of it. */
export type SentChunk =
  | TextChunk
  | SourceChunk
  | SaidChunk
  | CallChunk
  | EndingChunk
  /** Base64 in the output format, and how much that is at the session's rate. */
  | { readonly type: 'audio'; readonly audio: string; readonly samples: number };
