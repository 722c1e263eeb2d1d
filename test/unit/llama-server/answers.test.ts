import { expect, test } from 'vitest';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import {
  chatForm,
  embeddingAnswer,
  errorAnswer,
  loadingAnswer,
  modelsAnswer,
  textForm,
} from '../../../src/llama-server/answers.ts';
import type { Outcome, Part } from '../../../src/llama-server/language-model.ts';

const identity = { id: 'x-1', model: 'tiny', created: 1_767_225_600 };
const outcome: Outcome = { finish: 'length', promptTokens: 7, completionTokens: 2 };
const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const parts: readonly Part[] = [
  { kind: 'reasoning', text: 'Hm, ' },
  { kind: 'text', text: 'Good ' },
  { kind: 'reasoning', text: 'well.' },
  { kind: 'text', text: 'day' },
];

test('a streamed chat: the role, the text, the end, what it took', () => {
  const form = chatForm(identity, false);
  const chunk = { ...identity, object: 'chat.completion.chunk' };
  const choice = { index: 0, logprobs: null, finish_reason: null };
  expect(form.first()).toEqual({
    ...chunk,
    choices: [{ ...choice, delta: { role: 'assistant', content: '' } }],
  });
  expect(form.chunk({ kind: 'text', text: 'Good' })).toEqual({
    ...chunk,
    choices: [{ ...choice, delta: { content: 'Good' } }],
  });
  expect(form.chunk({ kind: 'reasoning', text: 'Hm' })).toMatchObject({
    choices: [{ delta: { reasoning_content: 'Hm' } }],
  });
  expect(form.last(outcome)).toEqual({
    ...chunk,
    choices: [{ ...choice, delta: {}, finish_reason: 'length' }],
  });
  expect(form.usage(outcome)).toEqual({ ...chunk, choices: [], usage });
});

test('with the usage asked for, every chunk before it says null', () => {
  expect(chatForm(identity, true).first()).toMatchObject({ usage: null });
  expect(textForm(identity, true).last(outcome)).toMatchObject({ usage: null });
  expect(chatForm(identity, false).first()).not.toHaveProperty('usage');
});

test('a whole chat', () => {
  expect(chatForm(identity, false).whole(parts, outcome)).toEqual({
    ...identity,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Good day',
          refusal: null,
          reasoning_content: 'Hm, well.',
        },
        logprobs: null,
        finish_reason: 'length',
      },
    ],
    usage,
  });
  expect(chatForm(identity, false).whole([], outcome)).toMatchObject({
    choices: [{ message: { role: 'assistant', content: '', refusal: null } }],
  });
});

test('plain text', () => {
  const form = textForm(identity, false);
  const head = { ...identity, object: 'text_completion' };
  const choice = { index: 0, logprobs: null };
  expect(form.first()).toBeNull();
  expect(form.chunk({ kind: 'text', text: 'Good' })).toEqual({
    ...head,
    choices: [{ ...choice, text: 'Good', finish_reason: null }],
  });
  expect(form.last(outcome)).toEqual({
    ...head,
    choices: [{ ...choice, text: '', finish_reason: 'length' }],
  });
  expect(form.whole(parts, outcome)).toEqual({
    ...head,
    choices: [{ ...choice, text: 'Good day', finish_reason: 'length' }],
    usage,
  });
});

test('embeddings as numbers, or as 32-bit floats, little endian', () => {
  const made = { vectors: [[1, -2.5], [0.5]], tokens: 6 };
  expect(embeddingAnswer('tiny', made, 'float')).toEqual({
    object: 'list',
    data: [
      { object: 'embedding', index: 0, embedding: [1, -2.5] },
      { object: 'embedding', index: 1, embedding: [0.5] },
    ],
    model: 'tiny',
    usage: { prompt_tokens: 6, total_tokens: 6 },
  });
  expect(embeddingAnswer('tiny', made, 'base64')).toMatchObject({
    data: [{ embedding: 'AACAPwAAIMA=' }, { embedding: 'AAAAPw==' }],
  });
});

test('the model, with what it has room for', () => {
  const facts = { contextTokens: 4096, trainedTokens: 8192, sizeBytes: 1000 };
  expect(modelsAnswer('tiny', 5, facts)).toEqual({
    object: 'list',
    data: [
      {
        id: 'tiny',
        object: 'model',
        created: 5,
        owned_by: 'greenroom',
        meta: { n_ctx: 4096, n_ctx_train: 8192, size: 1000 },
      },
    ],
  });
});

test('while it loads, the words of llama-server, and how far it is', () => {
  expect(loadingAnswer({ fraction: 0.42, text: 'loading the model' })).toEqual({
    error: { code: 503, message: 'Loading model', type: 'unavailable_error' },
    progress: { fraction: 0.42, text: 'loading the model' },
  });
});

test('an error is an error object as OpenAI has it', () => {
  const error = new GreenroomError('invalid_request', 'n: no', { details: { param: 'n' } });
  expect(errorAnswer(error)).toEqual({
    error: { message: 'n: no', type: 'invalid_request_error', param: 'n', code: 'invalid_request' },
  });
  expect(errorAnswer(new GreenroomError('engine_busy', 'full'))).toMatchObject({
    error: { param: null, type: 'unavailable_error', code: 'engine_busy' },
  });
});
