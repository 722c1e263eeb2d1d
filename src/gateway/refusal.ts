// How a refusal travels over HTTP: always the one error body, with the headers that its status asks for; over a
// response, or over the raw socket where there is none (an upgrade, CONNECT, what is no HTTP).
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';

type Headers = Readonly<Record<string, string>>;

/** Requests cannot have more, in bytes. */
export const headerBytesMax = 16 * 1024;

/** What the status of an error asks for besides the body. */
export function headersOf({ code, details }: GreenroomError): Headers {
  const { retryAfterMs } = details;
  // The official clients come again by themselves, and heed both.
  if (typeof retryAfterMs === 'number') return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
  if (retryAfterMs === null) return { 'x-should-retry': 'false' };
  switch (code) {
    case 'upgrade_required':
      return { connection: 'upgrade, close', upgrade: 'websocket', 'sec-websocket-version': '13' };
    case 'method_not_allowed':
      return { allow: String(details['allowed']) };
    case 'range_not_satisfiable':
      return { 'content-range': `bytes */${details['bytes']}` };
    case 'connections_full':
    case 'server_busy':
    case 'server_starting':
      return { 'retry-after': '1' };
    default:
      return {};
  }
}

export function methodNotAllowed(path: string, allowed: readonly string[], given = ''): GreenroomError {
  const message = `${path} takes ${allowed.join(', ')}, not ${given}`;
  return new GreenroomError('method_not_allowed', message, { details: { allowed: allowed.join(', ') } });
}

export function refuseRequest(
  response: ServerResponse,
  error: GreenroomError,
  mask: (text: string) => string = (text) => text,
): void {
  const { expect, 'content-length': length, 'transfer-encoding': encoding } = response.req.headers;
  // A body under way is read and dropped: a close in the middle of it would reset the connection, answer and all.
  const bodyComes = expect === undefined && (length !== undefined || encoding !== undefined);
  const text = mask(JSON.stringify(error.toBody()));
  response.writeHead(error.httpStatus, {
    ...bodyHeaders(text),
    ...(!bodyComes && { connection: 'close' }),
    ...headersOf(error),
  });
  response.end(text);
}

/** Ends the connection. */
export function refuseSocket(socket: Duplex, error: GreenroomError): void {
  const text = JSON.stringify(error.toBody());
  const headers: Headers = { ...bodyHeaders(text), connection: 'close', ...headersOf(error) };
  const head = [
    `HTTP/1.1 ${error.httpStatus} ${STATUS_CODES[error.httpStatus]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}

const bodyHeaders = (text: string): Headers => ({
  'content-type': 'application/json',
  'content-length': String(Buffer.byteLength(text)),
});

/** What Node could not read as a request. */
export function unreadable(error: Error & { readonly code?: string }): GreenroomError {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return new GreenroomError('headers_too_large', `the headers are over ${headerBytesMax} bytes`);
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new GreenroomError('request_timeout', 'the request did not come whole in its time');
  return new GreenroomError('invalid_request', messageOf(error));
}
