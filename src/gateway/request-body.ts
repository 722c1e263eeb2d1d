// The body of a request as text or JSON, read no further than its limit.
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';

/** Of a JSON body. */
export const bodyBytesMax = 1024 * 1024;

/** Undefined when there is none. Throws `body_too_large` and `invalid_request`. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText((request.body ?? []) as AsyncIterable<Uint8Array>);
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GreenroomError('invalid_request', `the body is not JSON: ${messageOf(cause)}`, { cause });
  }
}

/** As it comes; who reads it bounds it. */
export async function* bytesOf({ body }: Request): AsyncGenerator<Uint8Array> {
  if (body) yield* body as AsyncIterable<Uint8Array>;
}

/** The length that was announced is checked at the door; a chunked body announces none. */
export async function readText(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  let text = '';
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) {
      const message = `the body is over the limit of ${bodyBytesMax} bytes`;
      throw new GreenroomError('body_too_large', message, { details: { limit: bodyBytesMax } });
    }
    text += decode(decoder, chunk);
  }
  return text + decode(decoder);
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch (cause) {
    throw new GreenroomError('invalid_request', 'the body is not UTF-8', { cause });
  }
}
