// The fields that chat and plain completions share, as OpenAI has them. What would change an answer and is not supported
// is refused, never ignored; fields that nobody knows are left aside, as llama-server and others do.
import { z } from 'zod';
import type { Sampling } from './language-model.ts';

/** Of one request. OpenAI takes four. */
const stopsMax = 16;

/** Absent, null, or nothing but this. */
const only = <T>(schema: z.ZodType<T>) => schema.nullish();

const unsupported = (what: string) => only(z.never({ error: `${what} is not supported by this engine` }));

/** An empty list or record asks for nothing. */
const emptyOnly = (what: string) =>
  z
    .union([z.array(z.unknown()), z.record(z.string(), z.unknown())])
    .refine((value) => Object.keys(value).length === 0, `${what} is not supported by this engine`)
    .nullish();

const number = (least: number, most: number) => z.number().min(least).max(most).nullish();
const tokens = z.number().int().min(1).nullish();

export const samplingFields = {
  model: z.string().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.literal(1, { error: 'this engine gives one answer to a request: n is 1' }).nullish(),
  temperature: number(0, 2),
  top_p: number(0, 1),
  top_k: z.number().int().min(0).max(1_000_000).nullish(),
  min_p: number(0, 1),
  frequency_penalty: number(-2, 2),
  presence_penalty: number(-2, 2),
  seed: z.number().int().nullish(),
  max_tokens: tokens,
  stop: z.union([z.string(), z.array(z.string()).max(stopsMax)]).nullish(),
  logit_bias: emptyOnly('logit_bias'),
} as const;

export const refusedFields = { emptyOnly, unsupported };

type Fields = z.infer<z.ZodObject<typeof samplingFields>>;

/** Where a request says nothing, as llama-server has it. */
const defaults = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 };

export function samplingOf(fields: Fields, maxTokens = fields.max_tokens): Sampling {
  const stop = typeof fields.stop === 'string' ? [fields.stop] : (fields.stop ?? []);
  return {
    temperature: fields.temperature ?? defaults.temperature,
    topP: fields.top_p ?? defaults.topP,
    topK: fields.top_k ?? defaults.topK,
    minP: fields.min_p ?? defaults.minP,
    frequencyPenalty: fields.frequency_penalty ?? 0,
    presencePenalty: fields.presence_penalty ?? 0,
    // Any whole number is a seed; llama.cpp has 32 bits for it.
    seed: typeof fields.seed === 'number' ? Number(BigInt.asUintN(32, BigInt(fields.seed))) : undefined,
    maxTokens: maxTokens ?? undefined,
    stop: stop.filter((text) => text !== ''),
  };
}

/** How the answer is to come. */
export interface Delivery {
  readonly stream: boolean;
  /** A last chunk of a stream says what was used. */
  readonly usage: boolean;
}

export const deliveryOf = ({ stream, stream_options }: Fields): Delivery => ({
  stream: stream ?? false,
  usage: stream_options?.include_usage ?? false,
});
