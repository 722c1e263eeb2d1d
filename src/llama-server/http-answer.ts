// Whole answers over HTTP.
import type { ServerResponse } from 'node:http';
import { GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import { errorAnswer } from './answers.ts';

export function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...(status === 503 && { 'retry-after': '1' }),
  });
  response.end(text);
}

/** Nothing is left to say to a caller that is gone, or in whose answer it was said. */
export function refuse(response: ServerResponse, error: GreenroomError): void {
  if (response.headersSent || response.destroyed) return;
  send(response, error.httpStatus, errorAnswer(error));
  // What is still to come of its body is read and dropped: a close in the middle of it would reset the connection, and
  // take the answer with it.
  response.req.resume();
}

/** What a caller is told. Of what is aborted somebody listens only where it is we who leave. */
export function failureOf(error: unknown, signal: AbortSignal): GreenroomError {
  return signal.aborted ? leaving() : toGreenroomError(error);
}

export const leaving = (): GreenroomError => new GreenroomError('server_shutdown', 'the engine is leaving');
