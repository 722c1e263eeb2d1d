// `embed` over HTTP: `POST /v1/embeddings` as OpenAI has it.
// https://platform.openai.com/docs/api-reference/embeddings/create
import type { EmbedCall } from '../instance.ts';
import { exchange, type HttpAnswer, type HttpContext } from './exchange.ts';

const path = '/v1/embeddings';
const answerBytesMax = 256 * 1024 * 1024;

/** One for each text, in order; undefined when the signal has aborted. Errors as `exchange` has them. */
export async function embedOverHttp(
  context: HttpContext,
  call: EmbedCall & { readonly model: string },
  signal: AbortSignal,
): Promise<readonly Float32Array[] | undefined> {
  const { model, input } = call;
  const body = JSON.stringify({ model, input, encoding_format: 'float' });
  const question = { what: 'embedding', path, type: 'application/json', body };
  const read = async function* (answer: HttpAnswer) {
    yield vectorsOf(answer, await answer.json(answerBytesMax), input.length);
  };
  for await (const vectors of exchange(context, question, read, signal)) return vectors;
  return undefined;
}

function vectorsOf(answer: HttpAnswer, said: unknown, wanted: number): readonly Float32Array[] {
  const data = fieldOf(said, 'data');
  if (!Array.isArray(data) || data.length !== wanted)
    throw answer.failed(
      `its answer has ${Array.isArray(data) ? data.length : 'no'} embeddings for ${wanted} texts`,
    );
  const vectors: (Float32Array | undefined)[] = Array(wanted).fill(undefined);
  data.forEach((item: unknown, position) => {
    const index = fieldOf(item, 'index') ?? position;
    const numbers = fieldOf(item, 'embedding');
    const fits = Array.isArray(numbers) && numbers.length > 0 && numbers.every(Number.isFinite);
    if (fits && typeof index === 'number' && index >= 0 && index < wanted)
      vectors[index] = Float32Array.from(numbers);
  });
  return vectors.map((vector, index) => {
    if (!vector) throw answer.failed(`its answer has no numbers for text ${index + 1} of ${wanted}`);
    return vector;
  });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
