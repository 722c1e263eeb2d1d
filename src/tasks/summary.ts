// How the result of a task is told aloud: what the session's own model is asked to say of it. Pure.
import type { SpeakPlan } from './plan.ts';

const spoken =
  'Some work that ran in the background of this conversation has ended. Tell the caller its result in two or three short sentences, in the language of the conversation.';

/** Of the result that goes into the instructions; the whole one is in the notice and in the store. */
const resultCharsMax = 16_384;

export function summaryInstructions(name: string, { instructions }: SpeakPlan, result: unknown): string {
  const written = typeof result === 'string' ? result : JSON.stringify(result);
  const shown = written.length > resultCharsMax ? `${written.slice(0, resultCharsMax)}…` : written;
  return `${instructions ?? spoken}\n\nThe result of ${name}:\n${shown}`;
}

/** Its model was told that there would be a result, and may have said so. */
export function failureInstructions(name: string): string {
  return `Some work that ran in the background of this conversation (${name}) could not be done. Tell the caller so in one short sentence, in the language of the conversation, without technical details, and go on.`;
}

/** Models answer somebody: what stands for a caller who asks for it. */
export function summaryPrompt(name: string, word: 'done' | 'failed' = 'done'): string {
  const what = word === 'done' ? `The result of ${name} is there.` : `${name} is over.`;
  return `(${what} Tell me, as you were instructed.)`;
}
