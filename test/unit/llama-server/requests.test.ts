import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { chatRequest, completionRequest, embeddingRequest } from '../../../src/llama-server/requests.ts';

const hello = [{ role: 'user', content: 'Hello' }];
const chat = (more: object = {}) => chatRequest({ model: 'any', messages: hello, ...more });

const defaults = {
  temperature: 0.8,
  topP: 0.95,
  topK: 40,
  minP: 0.05,
  frequencyPenalty: 0,
  presencePenalty: 0,
  seed: undefined,
  maxTokens: undefined,
  stop: [],
};

test('a chat says at least something; the rest is as llama-server has it', () => {
  expect(chat()).toEqual({
    messages: [{ role: 'user', text: 'Hello' }],
    sampling: defaults,
    delivery: { stream: false, usage: false },
  });
});

test('null is as good as nothing', () => {
  const fields = [
    'temperature',
    'top_p',
    'n',
    'seed',
    'stop',
    'max_tokens',
    'stream',
    'stream_options',
    'tools',
  ];
  const nulls = Object.fromEntries(
    [...fields, 'response_format', 'logprobs', 'logit_bias'].map((field) => [field, null]),
  );
  expect(chat(nulls)).toEqual(chat());
});

test.each([
  [{ temperature: 0 }, { temperature: 0 }],
  [
    { top_p: 0.5, top_k: 7, min_p: 0.1 },
    { topP: 0.5, topK: 7, minP: 0.1 },
  ],
  [
    { frequency_penalty: -1, presence_penalty: 2 },
    { frequencyPenalty: -1, presencePenalty: 2 },
  ],
  [{ max_tokens: 9 }, { maxTokens: 9 }],
  [{ max_completion_tokens: 5 }, { maxTokens: 5 }],
  [{ max_tokens: 9, max_completion_tokens: 5 }, { maxTokens: 5 }],
  [{ stop: 'END' }, { stop: ['END'] }],
  [{ stop: ['a', '', 'b'] }, { stop: ['a', 'b'] }],
  [{ seed: 7 }, { seed: 7 }],
  [{ seed: -1 }, { seed: 4294967295 }],
  [{ seed: 2 ** 40 + 3 }, { seed: 3 }],
  [{ n: 1, tools: [], logit_bias: {}, response_format: { type: 'text' }, logprobs: false }, {}],
  [{ user: 'me', store: true, metadata: { a: 'b' } }, {}],
])('%j asks for %j', (fields, sampling) => {
  expect(chat(fields).sampling).toEqual({ ...defaults, ...sampling });
});

test('messages: developers are the system, parts of text are one text, assistants may be quoted', () => {
  const messages = [
    { role: 'developer', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Hel' },
        { type: 'text', text: 'lo' },
      ],
    },
    { role: 'assistant', content: 'Hi.', tool_calls: [] },
  ];
  expect(chatRequest({ messages }).messages).toEqual([
    { role: 'system', text: 'Be brief.' },
    { role: 'user', text: 'Hello' },
    { role: 'assistant', text: 'Hi.' },
  ]);
});

test('how it is to come', () => {
  const delivery = { stream: true, stream_options: { include_usage: true } };
  expect(chat(delivery).delivery).toEqual({ stream: true, usage: true });
});

const image = { type: 'image_url', image_url: { url: 'data:' } };

test.each([
  ['no body', undefined, null, 'the body is to be a JSON object'],
  ['a list', [], null, 'the body is to be a JSON object'],
  ['no messages', {}, 'messages', ''],
  ['an empty conversation', { messages: [] }, 'messages', 'there is no message'],
  ['an unknown role', { messages: [{ role: 'robot', content: '' }] }, 'messages.0.role', 'a role is system'],
  ['a tool result', { messages: [{ role: 'tool', content: '' }] }, 'messages.0.role', 'a role is'],
  ['an image', { messages: [{ role: 'user', content: [image] }] }, 'messages.0.content', 'text'],
  ['two answers', { messages: hello, n: 2 }, 'n', 'one answer to a request'],
  ['tools', { messages: hello, tools: [{ type: 'function' }] }, 'tools', 'tools is not supported'],
  [
    'JSON',
    { messages: hello, response_format: { type: 'json_object' } },
    'response_format.type',
    'only text',
  ],
  ['logprobs', { messages: hello, logprobs: true }, 'logprobs', 'not supported'],
  ['a bias', { messages: hello, logit_bias: { 1: 5 } }, 'logit_bias', 'not supported'],
  ['a hot temperature', { messages: hello, temperature: 2.5 }, 'temperature', '2'],
  ['half a token', { messages: hello, max_tokens: 0.5 }, 'max_tokens', 'int'],
  ['no token', { messages: hello, max_tokens: 0 }, 'max_tokens', '1'],
  ['many stops', { messages: hello, stop: Array(17).fill('x') }, 'stop', ''],
  ['a word for a switch', { messages: hello, stream: 'yes' }, 'stream', 'boolean'],
])('%s is refused, and the field named', (_, body, param, message) => {
  const refusal = (() => {
    try {
      return chatRequest(body);
    } catch (error) {
      return error;
    }
  })();
  expect(refusal).toMatchObject({ code: 'invalid_request', details: { param } });
  expect((refusal as GreenroomError).message).toContain(message);
});

test('nothing that may come makes it throw anything else', () => {
  const field = fc.constantFrom(
    'messages',
    'prompt',
    'input',
    'stop',
    'n',
    'seed',
    'tools',
    'stream_options',
  );
  const body = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()));
  fc.assert(
    fc.property(body, fc.constantFrom(chatRequest, completionRequest, embeddingRequest), (given, parse) => {
      try {
        parse(given);
      } catch (error) {
        expect(error).toBeInstanceOf(GreenroomError);
        expect(error).toMatchObject({ code: 'invalid_request' });
      }
    }),
    { numRuns: 300 },
  );
});

test('a completion has a prompt, as it is or in a list', () => {
  expect(completionRequest({ prompt: 'Once', max_tokens: 3, stream: true })).toEqual({
    prompt: 'Once',
    sampling: { ...defaults, maxTokens: 3 },
    delivery: { stream: true, usage: false },
  });
  expect(completionRequest({ prompt: ['Once'] }).prompt).toBe('Once');
});

test.each([
  [{}, 'prompt'],
  [{ prompt: ['a', 'b'] }, 'prompt'],
  [{ prompt: [1, 2] }, 'prompt'],
  [{ prompt: 'a', echo: true }, 'echo'],
  [{ prompt: 'a', suffix: 'b' }, 'suffix'],
  [{ prompt: 'a', best_of: 3 }, 'best_of'],
  [{ prompt: 'a', logprobs: 5 }, 'logprobs'],
])('of a completion %j is refused', (body, param) => {
  expect(() => completionRequest(body)).toThrow(expect.objectContaining({ details: { param } }));
});

test('what is to be embedded: a text or several', () => {
  expect(embeddingRequest({ input: 'a' })).toEqual({ texts: ['a'], encoding: 'float' });
  const several = { input: ['a', 'b'], encoding_format: 'base64' };
  expect(embeddingRequest(several)).toEqual({ texts: ['a', 'b'], encoding: 'base64' });
});

test.each([
  [{}, 'input'],
  [{ input: [] }, 'input'],
  [{ input: [[1, 2]] }, 'input'],
  [{ input: 'a', encoding_format: 'hex' }, 'encoding_format'],
  [{ input: 'a', dimensions: 5 }, 'dimensions'],
])('of an embedding %j is refused', (body, param) => {
  expect(() => embeddingRequest(body)).toThrow(expect.objectContaining({ details: { param } }));
});
