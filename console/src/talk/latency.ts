// How long each part of an answer took, as the page saw it. Pure.
import type { Conversation } from './conversation.ts';

export interface Answer {
  readonly response: string;
  /** The caller was done; null: it was asked for otherwise. All are ms of the page's clock. */
  readonly saidMs: number | null;
  /** What was said was written down. */
  readonly heardMs: number | null;
  readonly createdMs: number;
  readonly wordMs: number | null;
  readonly soundMs: number | null;
  /** The first sound left the loudspeaker, as far as the browser knows. */
  readonly playedMs: number | null;
  readonly endMs: number | null;
  readonly status: string;
}

export type AnswerChange = Partial<Pick<Answer, 'wordMs' | 'soundMs' | 'playedMs' | 'endMs' | 'status'>>;

export function firstOf({ saidMs, heardMs }: Conversation, response: string, createdMs: number): Answer {
  const none = { wordMs: null, soundMs: null, playedMs: null, endMs: null };
  return { response, saidMs, heardMs, createdMs, ...none, status: 'in_progress' };
}

/** The first word, sound and so on count; later ones change nothing. */
export function answerStep(before: Conversation, response: string, change: AnswerChange): Conversation {
  const at = before.answers.findLastIndex((one) => one.response === response);
  const known = before.answers[at];
  if (!known) return before;
  const step: Answer = {
    ...known,
    wordMs: known.wordMs ?? change.wordMs ?? null,
    soundMs: known.soundMs ?? change.soundMs ?? null,
    playedMs: known.playedMs ?? change.playedMs ?? null,
    endMs: known.endMs ?? change.endMs ?? null,
    status: change.status ?? known.status,
  };
  if (Object.keys(step).every((key) => step[key as keyof Answer] === known[key as keyof Answer]))
    return before;
  const answers = [...before.answers];
  answers[at] = step;
  return { ...before, answers };
}

export interface Stage {
  readonly name: 'hear' | 'begin' | 'think' | 'speak' | 'play' | 'all';
  readonly ms: number | null;
}

/** `all`: from the end of what was said to the first sound that is heard, or the first word where there is none. */
export function stagesOf({
  saidMs,
  heardMs,
  createdMs,
  wordMs,
  soundMs,
  playedMs,
}: Answer): readonly Stage[] {
  const between = (from: number | null, to: number | null) =>
    from === null || to === null ? null : Math.max(0, to - from);
  const heard = playedMs ?? soundMs ?? wordMs;
  return [
    { name: 'hear', ms: between(saidMs, heardMs) },
    { name: 'begin', ms: between(heardMs ?? saidMs, createdMs) },
    { name: 'think', ms: between(createdMs, wordMs) },
    { name: 'speak', ms: between(wordMs, soundMs) },
    { name: 'play', ms: between(soundMs, playedMs) },
    { name: 'all', ms: between(saidMs ?? createdMs, heard) },
  ];
}
