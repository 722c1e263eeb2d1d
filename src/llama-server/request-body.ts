// The body of a request as JSON, read no further than its limit.
import type { IncomingMessage } from 'node:http';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';

const bodyBytesMax = 25 * 1024 * 1024;

/** Throws `body_too_large` and `invalid_request`; what has not come by then is left unread. */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > bodyBytesMax) throw tooLarge(`a body of ${announced} bytes`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The connection stays: the refusal goes out on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > bodyBytesMax) throw tooLarge('the body');
    chunks.push(chunk as Buffer);
  }
  return parsed(Buffer.concat(chunks));
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new GreenroomError('invalid_request', `the body is not JSON: ${messageOf(cause)}`, { cause });
  }
}

const tooLarge = (what: string) =>
  new GreenroomError('body_too_large', `${what} is over the limit of ${bodyBytesMax} bytes`);
