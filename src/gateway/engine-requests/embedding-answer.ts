// What a worker engine embeds, as `POST /v1/embeddings` has it. Vectors are written one a turn of the loop: many large
// ones would hold it.
// https://platform.openai.com/docs/api-reference/embeddings/create
import * as z from 'zod';
import { type Clock, turn } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { checked } from './chat-request.ts';
import { bodyLimits } from './outflow.ts';
import type { Reply } from './reply.ts';

const textsMax = 2048;

const schema = z.looseObject({
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(textsMax)], {
    error: `expected a text, or a list of 1 to ${textsMax} texts; tokens are not taken by this engine`,
  }),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.null({ error: 'the vectors of this engine have one length: leave it out' }).optional(),
});

export interface EmbeddingAsked {
  readonly input: readonly string[];
  readonly encoding: 'float' | 'base64';
}

/** Throws `invalid_request`. */
export function embeddingAsked(body: unknown): EmbeddingAsked {
  const { input, encoding_format: encoding } = checked(schema, body);
  return { input: typeof input === 'string' ? [input] : input, encoding: encoding ?? 'float' };
}

export async function answerEmbeddings(options: {
  readonly engine: string;
  readonly vectors: readonly Float32Array[];
  readonly encoding: 'float' | 'base64';
  readonly model: string;
  readonly reply: Reply;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { engine, vectors, encoding, model, reply, clock, signal } = options;
  if (vectors.length === 0)
    throw new GreenroomError('engine_no_output', `engine ${engine}: it gave no vector`, {
      details: { engine },
    });
  const headers = { 'content-type': 'application/json' };
  reply.begin({ status: 200, headers, form: 'body', limits: bodyLimits });
  for (const [index, vector] of vectors.entries()) {
    if (signal.aborted) return;
    const embedding = encoding === 'float' ? Array.from(vector) : base64Of(vector);
    const entry = JSON.stringify({ object: 'embedding', index, embedding });
    await reply.send(Buffer.from(`${index === 0 ? '{"object":"list","data":[' : ','}${entry}`));
    await turn(clock);
  }
  const rest = JSON.stringify({ model, usage: { prompt_tokens: 0, total_tokens: 0 } });
  await reply.send(Buffer.from(`],${rest.slice(1)}`));
}

/** Every platform we run on is little endian, as OpenAI has it. */
const base64Of = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
