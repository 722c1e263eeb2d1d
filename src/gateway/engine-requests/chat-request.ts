// What a caller asks of a chat, a completion or a generation, as the call that a worker engine gets. Pure.
// https://platform.openai.com/docs/api-reference/chat/create
import * as z from 'zod';
import type { ChatCall } from '../../engines/instance.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';

export interface ChatAsked {
  readonly call: ChatCall;
  readonly stream: boolean;
  /** The stream's last chunk is to say what was used. */
  readonly usageInStream: boolean;
}

const shared = {
  model: z.unknown().optional(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.literal(1, { error: 'one answer at a time: leave it out, or give 1' }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).nullish(),
  stop: z.union([z.string(), z.array(z.string())], { error: 'expected a text or a list of texts' }).nullish(),
};

const chatSchema = z.looseObject({
  ...shared,
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  tools: z.array(z.unknown()).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({ type: z.literal('json_object') }),
      z.looseObject({
        type: z.literal('json_schema'),
        json_schema: z.looseObject({ schema: z.record(z.string(), z.unknown()) }),
      }),
    ])
    .nullish(),
});

const onePrompt = z.union([z.string(), z.tuple([z.string()])], {
  error: 'expected one text; lists of texts and tokens are not taken by this engine',
});

const completionSchema = z.looseObject({ ...shared, prompt: onePrompt });

const generateSchema = z.looseObject({
  ...shared,
  prompt: z.string().min(1),
  /** As some servers have it: what else is asked for, in an object of its own. */
  sampling_params: z.record(z.string(), z.unknown()).nullish(),
  stop_sequences: z.array(z.string()).nullish(),
});

/** Throws `invalid_request`. */
export function chatAsked(body: unknown): ChatAsked {
  const { messages, tools, max_completion_tokens, response_format, ...asked } = checked(chatSchema, body);
  const schema = responseSchema(response_format);
  return askedOf(asked, messages, {
    ...(tools?.length && { tools }),
    ...(schema && { responseSchema: schema }),
    ...(max_completion_tokens && { maxTokens: max_completion_tokens }),
  });
}

/** Throws `invalid_request`. */
export function completionAsked(body: unknown): ChatAsked {
  const { prompt, ...asked } = checked(completionSchema, body);
  return askedOf(asked, [{ role: 'user', content: typeof prompt === 'string' ? prompt : prompt[0] }]);
}

/** Throws `invalid_request`. */
export function generateAsked(body: unknown): ChatAsked {
  const { sampling_params, ...outer } = checked(generateSchema, body);
  const merged = checked(generateSchema, { ...sampling_params, ...outer });
  const { prompt, stop_sequences, stop, ...asked } = merged;
  return askedOf({ ...asked, stop: stop ?? stop_sequences }, [{ role: 'user', content: prompt }]);
}

type Shared = z.infer<z.ZodObject<typeof shared, z.core.$loose>>;

function askedOf(asked: Shared, messages: readonly unknown[], more: Partial<ChatCall> = {}): ChatAsked {
  const { model: _, n: __, stream, stream_options, max_tokens, temperature, stop, ...rest } = asked;
  const extra = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const call: ChatCall = {
    messages,
    ...(max_tokens && { maxTokens: max_tokens }),
    ...(typeof temperature === 'number' && { temperature }),
    ...(stop && { stop: typeof stop === 'string' ? [stop] : stop }),
    ...(Object.keys(extra).length > 0 && { extra }),
    ...more,
  };
  return { call, stream: stream === true, usageInStream: stream_options?.include_usage === true };
}

function responseSchema(format: z.infer<typeof chatSchema>['response_format']) {
  if (format?.type === 'json_object') return { type: 'object' };
  return format?.type === 'json_schema' ? format.json_schema.schema : undefined;
}

/** Throws `invalid_request` with the first thing that is wrong. */
export function checked<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const [issue] = error.issues;
  const where = issue?.path.length ? `${issue.path.join('.')}: ` : '';
  throw new GreenroomError('invalid_request', `${where}${issue?.message ?? 'the body does not fit'}`, {
    details: { param: issue?.path.join('.') || null },
  });
}
