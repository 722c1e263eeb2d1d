// How a live call stands, in one word, from what is known of it. Pure.
import type { LobbyNotice } from '../../wire/notices.ts';
import type { Typing } from './typing.ts';

/** `speaking`: the answer is. While somebody types that is what counts for him. */
export type LiveWord =
  | 'connecting'
  | 'lobby'
  | 'listening'
  | 'speaking'
  | 'typing'
  | 'reconnecting'
  | 'leaving';

export interface LiveFacts {
  readonly connection: 'connecting' | 'open' | 'reconnecting' | 'closing' | 'closed';
  readonly lobby: LobbyNotice['state'] | null;
  readonly typing: Typing;
  /** Of the answer: `said` it is being played, or comes in where nothing is played. */
  readonly answer: 'none' | 'said';
}

export function liveWord({ connection, lobby, typing, answer }: LiveFacts): LiveWord {
  if (connection === 'closing' || connection === 'closed') return 'leaving';
  if (connection !== 'open') return connection;
  if (typing.mode === 'typing') return 'typing';
  if (lobby !== 'ready') return 'lobby';
  return answer === 'said' ? 'speaking' : 'listening';
}
