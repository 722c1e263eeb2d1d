// The bodies of requests, as OpenAI has them, made into what a model is asked. Pure; throws `invalid_request`, which
// names the field.
import { z } from 'zod';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { ChatMessage, Sampling } from './language-model.ts';
import { type Delivery, deliveryOf, refusedFields, samplingFields, samplingOf } from './sampling-fields.ts';

const { emptyOnly, unsupported } = refusedFields;

const textParts = z.array(
  z.object({
    type: z.literal('text', { error: 'only parts of type text are understood' }),
    text: z.string(),
  }),
);

const message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant'], {
    error: 'a role is system, developer, user or assistant',
  }),
  content: z.union([z.string(), textParts], { error: 'the content is a string or a list of text parts' }),
  tool_calls: emptyOnly('tool_calls'),
});

const chatBody = z.object({
  ...samplingFields,
  messages: z.array(message).min(1, 'there is no message'),
  max_completion_tokens: samplingFields.max_tokens,
  tools: emptyOnly('tools'),
  functions: emptyOnly('functions'),
  response_format: z
    .object({ type: z.literal('text', { error: 'of the response formats only text is supported' }) })
    .nullish(),
  logprobs: z.literal(false, { error: 'logprobs is not supported by this engine' }).nullish(),
  audio: unsupported('audio'),
});

const completionBody = z.object({
  ...samplingFields,
  prompt: z.union([z.string(), z.array(z.string()).length(1)], {
    error: 'the prompt is a string, or a list with one string in it',
  }),
  echo: z.literal(false, { error: 'echo is not supported by this engine' }).nullish(),
  suffix: unsupported('suffix'),
  best_of: z.literal(1, { error: 'this engine gives one answer to a request: best_of is 1' }).nullish(),
  logprobs: z.literal(0, { error: 'logprobs is not supported by this engine' }).nullish(),
});

const textsMax = 2048;

const embeddingBody = z.object({
  input: z.union([z.string(), z.array(z.string()).min(1).max(textsMax)], {
    error: `the input is a string, or a list of 1 to ${textsMax} strings`,
  }),
  model: z.string().nullish(),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: unsupported('dimensions'),
});

export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly sampling: Sampling;
  readonly delivery: Delivery;
}

export interface CompletionRequest {
  readonly prompt: string;
  readonly sampling: Sampling;
  readonly delivery: Delivery;
}

export interface EmbeddingRequest {
  readonly texts: readonly string[];
  readonly encoding: 'float' | 'base64';
}

export function chatRequest(body: unknown): ChatRequest {
  const fields = parsed(chatBody, body);
  return {
    messages: fields.messages.map(({ role, content }) => ({
      role: role === 'developer' ? 'system' : role,
      text: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
    })),
    sampling: samplingOf(fields, fields.max_completion_tokens ?? fields.max_tokens),
    delivery: deliveryOf(fields),
  };
}

export function completionRequest(body: unknown): CompletionRequest {
  const fields = parsed(completionBody, body);
  return {
    prompt: [fields.prompt].flat().join(''),
    sampling: samplingOf(fields),
    delivery: deliveryOf(fields),
  };
}

export function embeddingRequest(body: unknown): EmbeddingRequest {
  const { input, encoding_format } = parsed(embeddingBody, body);
  return { texts: [input].flat(), encoding: encoding_format ?? 'float' };
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const [issue] = error.issues;
  const param = issue?.path.join('.') || null;
  const message = param
    ? `${param}: ${issue?.message}`
    : `the body is to be a JSON object: ${issue?.message}`;
  throw new GreenroomError('invalid_request', message, { details: { param } });
}
