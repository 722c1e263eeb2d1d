// The three forms in which what a chat engine says goes to a caller: chat completions, completions, generations; each as
// one object or as the events of a stream. Pure.
import type { ChatPart } from '../../engines/contract.ts';

/** Everything that was said. */
export interface Said {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly finish: string;
  readonly usage: Usage | undefined;
}

export type ToolCall = Extract<ChatPart, { toolCall: unknown }>['toolCall'];
export type Usage = Readonly<Record<string, number>>;

export interface ChatFormat {
  /** All of it. */
  readonly whole: (said: Said) => object;
  /** The events for one part of it, in order. `first`: nothing went before. */
  readonly events: (part: ChatPart, place: { readonly first: boolean; readonly calls: number }) => object[];
  /** After the last part. */
  readonly end: string;
}

export interface AnswerFacts {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
  readonly usageInStream: boolean;
}

const done = 'data: [DONE]\n\n';

export function chatFormat({ id, created, model, usageInStream }: AnswerFacts): ChatFormat {
  const chunk = (delta: object, finish: string | null = null) => ({
    ...{ id, object: 'chat.completion.chunk', created, model },
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(usageInStream && { usage: null }),
  });
  return {
    whole: ({ text, toolCalls, finish, usage }) => ({
      ...{ id, object: 'chat.completion', created, model },
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: text === '' && toolCalls.length > 0 ? null : text,
            refusal: null,
            ...(toolCalls.length > 0 && { tool_calls: toolCalls.map(functionCall) }),
          },
          logprobs: null,
          finish_reason: finish,
        },
      ],
      ...(usage && { usage: usageOf(usage) }),
    }),
    events: (part, { first, calls }) => {
      const role = first ? [chunk({ role: 'assistant', content: '' })] : [];
      if ('text' in part) return [...role, chunk({ content: part.text })];
      if ('toolCall' in part)
        return [...role, chunk({ tool_calls: [{ index: calls, ...functionCall(part.toolCall) }] })];
      const last = [...role, chunk({}, part.finish)];
      if (!usageInStream) return last;
      const usage = part.usage ? usageOf(part.usage) : null;
      return [...last, { ...{ id, object: 'chat.completion.chunk', created, model }, choices: [], usage }];
    },
    end: done,
  };
}

export function completionFormat({ id, created, model, usageInStream }: AnswerFacts): ChatFormat {
  const answer = (text: string, finish: string | null) => ({
    ...{ id, object: 'text_completion', created, model },
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
  });
  return {
    whole: ({ text, finish, usage }) => ({
      ...answer(text, finish),
      ...(usage && { usage: usageOf(usage) }),
    }),
    events: (part) => {
      if ('text' in part) return [answer(part.text, null)];
      if ('toolCall' in part) return [];
      const usage = usageInStream && part.usage;
      return [
        answer('', part.finish),
        ...(usage ? [{ ...answer('', null), choices: [], usage: usageOf(usage) }] : []),
      ];
    },
    end: done,
  };
}

export function generateFormat({ model }: AnswerFacts): ChatFormat {
  return {
    whole: ({ text, finish, usage }) => ({
      ...{ text, done: true, model, finish_reason: finish },
      ...(usage && { usage: usageOf(usage) }),
    }),
    events: (part) => {
      if ('text' in part) return [{ token: part.text, done: false }];
      if ('toolCall' in part) return [];
      const { finish, usage } = part;
      return [{ token: '', done: true, finish_reason: finish, ...(usage && { usage: usageOf(usage) }) }];
    },
    end: '',
  };
}

const functionCall = ({ id, name, arguments: given }: ToolCall) => ({
  ...{ id, type: 'function', function: { name, arguments: given } },
});

/** The sum is made where the engine leaves it out. */
function usageOf(usage: Usage): Usage {
  const { prompt_tokens: asked = 0, completion_tokens: answered = 0 } = usage;
  return { prompt_tokens: asked, completion_tokens: answered, total_tokens: asked + answered, ...usage };
}
