// What a chat completion says, from its chunks as OpenAI has them to the parts of our contract. Pure. Text comes as it
// is; a tool's call when it is complete; how it ended, with its usage, last.
// https://platform.openai.com/docs/api-reference/chat-streaming
import type { ChatPart } from '../contract.ts';

/** Also what it thinks, which is no part of its answer, but a sign that it works. */
export type ChatEvent = ChatPart | { readonly thought: string };

interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

/** An answer is at most so long, all its calls of tools together. */
const argumentCharsMax = 4 * 1024 * 1024;
const toolCallsMax = 1024;

type Fields = Readonly<Record<string, unknown>>;

export class ChatStream {
  readonly #toolCalls = new Map<number, ToolCall>();
  #argumentChars = 0;
  #finish: string | undefined;
  #usage: Readonly<Record<string, number>> | undefined;
  #said: 'nothing' | 'something' = 'nothing';

  /** Whether anything has come that counts as output. */
  get said(): 'nothing' | 'something' {
    return this.#toolCalls.size > 0 ? 'something' : this.#said;
  }

  /** Whether it has said how it ended. */
  get ended(): boolean {
    return this.#finish !== undefined;
  }

  /** A chunk of a stream, or the whole of an answer that did not come as one. Throws with what it says of its failure. */
  push(chunk: unknown): readonly ChatEvent[] {
    const fields = fieldsOf(chunk);
    if (!fields) throw new Error('a chunk that is no object');
    if (fields['error'] !== undefined && fields['error'] !== null)
      throw new Error(errorText(fields['error']));
    this.#usage = usageOf(fields['usage']) ?? this.#usage;
    const [first] = listOf(fields['choices']);
    const choice = fieldsOf(first);
    if (!choice) return [];
    const events = this.#message(fieldsOf(choice['delta']) ?? fieldsOf(choice['message']) ?? {});
    if (typeof choice['finish_reason'] === 'string') this.#finish = choice['finish_reason'];
    return events;
  }

  /** The stream is over: what was kept until now. */
  end(): readonly ChatPart[] {
    const calls = [...this.#toolCalls.entries()].sort(([a], [b]) => a - b);
    return [
      ...calls.map(([index, { id, name, arguments: written }]) => ({
        toolCall: { id: id || `call_${index}`, name, arguments: written },
      })),
      { finish: this.#finish ?? 'stop', ...(this.#usage && { usage: this.#usage }) },
    ];
  }

  #message(message: Fields): readonly ChatEvent[] {
    const events: ChatEvent[] = [];
    // Two names for the same: llama.cpp, vLLM and DeepSeek; Ollama and newer vLLM.
    for (const name of ['reasoning_content', 'reasoning']) {
      const thought = message[name];
      if (typeof thought === 'string' && thought !== '') events.push({ thought });
    }
    const { content } = message;
    if (typeof content === 'string' && content !== '') events.push({ text: content });
    listOf(message['tool_calls']).forEach((call, position) => {
      this.#toolCall(call, position);
    });
    if (events.length > 0) this.#said = 'something';
    return events;
  }

  #toolCall(written: unknown, position: number): void {
    const fields = fieldsOf(written);
    const of = fieldsOf(fields?.['function']) ?? {};
    const index = typeof fields?.['index'] === 'number' ? fields['index'] : position;
    if (!this.#toolCalls.has(index) && this.#toolCalls.size >= toolCallsMax)
      throw new Error(`more than ${toolCallsMax} calls of tools`);
    const call = this.#toolCalls.get(index) ?? { id: '', name: '', arguments: '' };
    this.#toolCalls.set(index, call);
    call.id ||= textOf(fields?.['id']);
    call.name ||= textOf(of['name']);
    // Some give an object where OpenAI gives its text.
    const more =
      typeof of['arguments'] === 'object' ? JSON.stringify(of['arguments']) : textOf(of['arguments']);
    this.#argumentChars += more.length;
    if (this.#argumentChars > argumentCharsMax)
      throw new Error(`arguments of tools of more than ${argumentCharsMax} characters`);
    call.arguments += more;
  }
}

function errorText(error: unknown): string {
  const message = fieldsOf(error)?.['message'];
  return typeof message === 'string' ? message : typeof error === 'string' ? error : JSON.stringify(error);
}

function usageOf(usage: unknown): Readonly<Record<string, number>> | undefined {
  const numbers = Object.entries(fieldsOf(usage) ?? {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return numbers.length > 0 ? Object.fromEntries(numbers) : undefined;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
