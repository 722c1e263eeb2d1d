// What the engine of a task is asked: its instructions, and the conversation as it was at the trigger, as one text. A model
// that was given the conversation as its own would go on with it. Pure.
import type { Item } from '../wire/items.ts';

export interface TaskMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export function taskQuestion(given: {
  readonly instructions: string;
  readonly schema: Readonly<Record<string, unknown>> | undefined;
  readonly transcript: readonly Item[];
}): readonly TaskMessage[] {
  const { instructions, schema, transcript } = given;
  const form = schema
    ? [`Answer with JSON alone, that fits this JSON schema:\n${JSON.stringify(schema)}`]
    : [];
  return [
    { role: 'system', content: [instructions, ...form].join('\n\n') },
    { role: 'user', content: `The conversation:\n\n${transcriptText(transcript)}` },
  ];
}

/** The same, with what was wrong about the answer. */
export function askedAgain(
  messages: readonly TaskMessage[],
  answer: string,
  why: string,
): readonly TaskMessage[] {
  const problem = `This answer cannot be used: ${why}. Give the whole answer again, and nothing else.`;
  return [...messages, { role: 'assistant', content: answer }, { role: 'user', content: problem }];
}

/** A line for each thing that was said or done; what is not known is left out. */
function transcriptText(items: readonly Item[]): string {
  const lines = items.flatMap(lineOf);
  return lines.length > 0 ? lines.join('\n') : '(Nothing was said.)';
}

/** Whether anybody has said or typed anything. */
export function hasCaller(items: readonly Item[]): boolean {
  return items.some((item) => item.type === 'message' && item.role === 'user' && lineOf(item).length > 0);
}

function lineOf(item: Item): readonly string[] {
  if (item.type === 'function_call') return [`assistant calls ${item.name}: ${item.arguments}`];
  if (item.type === 'function_call_output') return [`result of the call: ${item.output}`];
  const text = item.content
    .map((part) => ('text' in part ? part.text : (part.transcript ?? '')).trim())
    .filter((part) => part !== '')
    .join(' ');
  return text === '' ? [] : [`${item.role}: ${text}`];
}
