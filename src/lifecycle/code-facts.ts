// What a failure is on every surface. Imports nothing, so that every area may use it.

export interface CodeFacts {
  /** HTTP status of the answer. */
  readonly http: number;
  /** WebSocket close code, where the failure ends a connection. */
  readonly close: number;
  /** Exit code of a command that ends by it: 1 fault, 2 usage or configuration, 3 forced, 69 not ready, 70 died. */
  readonly exit: number;
  /** `error.type` on the wire, in OpenAI's words. */
  readonly type:
    | 'invalid_request_error'
    | 'server_error'
    | 'not_found_error'
    | 'unavailable_error'
    | 'auth_error';
  readonly meaning: string;
}

export const facts = (
  http: number,
  close: number,
  exit: number,
  type: CodeFacts['type'],
  meaning: string,
): CodeFacts => ({
  http,
  close,
  exit,
  type,
  meaning,
});
