// The bodies of answers, as OpenAI has them. Pure.

import { factsOf } from '../lifecycle/codes.ts';
import type { GreenroomError } from '../lifecycle/errors.ts';
import type { Embeddings, ModelFacts, Outcome, Part } from './language-model.ts';
import type { LoadState } from './load-progress.ts';

/** Of one answer: the same in all of its chunks. */
export interface Identity {
  readonly id: string;
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
}

/** How an answer is told: as a chat, or as plain text. */
export interface AnswerForm {
  /** The chunk that a stream begins with; none for plain text. */
  first(): object | null;
  chunk(part: Part): object;
  last(outcome: Outcome): object;
  /** After the last one, without choices. */
  usage(outcome: Outcome): object;
  whole(parts: readonly Part[], outcome: Outcome): object;
}

export function chatForm(identity: Identity, usageNull: boolean): AnswerForm {
  const chunk = (delta: object, finish: Outcome['finish'] | null) => ({
    ...head(identity, 'chat.completion.chunk'),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(usageNull && { usage: null }),
  });
  return {
    first: () => chunk({ role: 'assistant', content: '' }, null),
    chunk: ({ kind, text }) => chunk(kind === 'text' ? { content: text } : { reasoning_content: text }, null),
    last: ({ finish }) => chunk({}, finish),
    usage: (outcome) => ({
      ...head(identity, 'chat.completion.chunk'),
      choices: [],
      usage: usageOf(outcome),
    }),
    whole: (parts, outcome) => {
      const reasoning = joined(parts, 'reasoning');
      const message = {
        role: 'assistant',
        content: joined(parts, 'text'),
        refusal: null,
        ...(reasoning && { reasoning_content: reasoning }),
      };
      return {
        ...head(identity, 'chat.completion'),
        choices: [{ index: 0, message, logprobs: null, finish_reason: outcome.finish }],
        usage: usageOf(outcome),
      };
    },
  };
}

export function textForm(identity: Identity, usageNull: boolean): AnswerForm {
  const chunk = (text: string, finish: Outcome['finish'] | null) => ({
    ...head(identity, 'text_completion'),
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
    ...(usageNull && { usage: null }),
  });
  return {
    first: () => null,
    chunk: ({ text }) => chunk(text, null),
    last: ({ finish }) => chunk('', finish),
    usage: (outcome) => ({ ...head(identity, 'text_completion'), choices: [], usage: usageOf(outcome) }),
    whole: (parts, outcome) => ({ ...chunk(joined(parts, 'text'), outcome.finish), usage: usageOf(outcome) }),
  };
}

export function embeddingAnswer(
  model: string,
  { vectors, tokens }: Embeddings,
  encoding: 'float' | 'base64',
): object {
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: encoding === 'float' ? vector : base64(vector),
    })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

export function modelsAnswer(model: string, created: number, facts: ModelFacts): object {
  const { contextTokens, trainedTokens, sizeBytes } = facts;
  const meta = { n_ctx: contextTokens, n_ctx_train: trainedTokens, size: sizeBytes };
  return { object: 'list', data: [{ id: model, object: 'model', created, owned_by: 'greenroom', meta }] };
}

/** As llama-server says it, and how far the load is. */
export const loadingAnswer = (progress: LoadState): object => ({
  error: { code: 503, message: 'Loading model', type: 'unavailable_error' },
  progress,
});

export function errorAnswer({ code, message, details }: GreenroomError): object {
  return { error: { message, type: factsOf(code).type, param: details['param'] ?? null, code } };
}

const head = ({ id, model, created }: Identity, object: string) => ({ id, object, created, model });

const joined = (parts: readonly Part[], kind: Part['kind']): string =>
  parts
    .filter((part) => part.kind === kind)
    .map(({ text }) => text)
    .join('');

const usageOf = ({ promptTokens, completionTokens }: Outcome) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
});

/** 32-bit floats, little endian: what OpenAI's clients ask for. */
function base64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
