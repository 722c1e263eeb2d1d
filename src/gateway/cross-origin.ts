// What a page of another origin needs to read our answers: WebSockets have no such rule, `fetch` and `EventSource` do.
// Who may is decided once (access.ts); this only says so in the browser's words.
// https://fetch.spec.whatwg.org/#http-cors-protocol
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from './access.ts';

/** A browser asks again after so many seconds. */
const remembered = 600;

/** Answers a browser's question before a request, and marks the answer to come. `passing`: it is to be answered. */
export function crossOrigin(
  access: Access,
  request: IncomingMessage,
  response: ServerResponse,
): 'answered' | 'passing' {
  const { origin } = request.headers;
  if (origin === undefined || access.refusal(request, 'public')) return 'passing';
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'origin');
  response.setHeader('access-control-expose-headers', 'retry-after');
  const method = request.headers['access-control-request-method'];
  if (request.method !== 'OPTIONS' || method === undefined) return 'passing';
  const headers = request.headers['access-control-request-headers'];
  response.writeHead(204, {
    'access-control-allow-methods': method,
    ...(headers !== undefined && { 'access-control-allow-headers': headers }),
    ...(request.headers['access-control-request-private-network'] === 'true' && {
      'access-control-allow-private-network': 'true',
    }),
    'access-control-max-age': String(remembered),
  });
  response.end();
  return 'answered';
}
