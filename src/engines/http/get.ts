// One question to an engine: GET a path. Never throws, and leaves no connection, whatever comes of it.
import type { Clock } from '../../lifecycle/clock.ts';
import { type Endpoint, requestTo } from '../endpoint.ts';

export interface GetOptions {
  readonly endpoint: Endpoint;
  /** Begins with a slash. */
  readonly path: string;
  readonly timeoutMs: number;
  /** So much of the answer is read; 0: its status is enough. */
  readonly bytesMax: number;
}

export type GetAnswer =
  /** `code`: the system's word for it, where it has said something. */
  | { readonly state: 'refused'; readonly why: string; readonly code?: string | undefined }
  /** It took the connection and gave no HTTP answer. */
  | { readonly state: 'connected'; readonly why: string }
  /** `server`: how it calls itself, '' for not at all. */
  | { readonly state: 'answered'; readonly status: number; readonly text: string; readonly server: string };

export function get(
  { endpoint, path, timeoutMs, bytesMax }: GetOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<GetAnswer> {
  return new Promise((resolve) => {
    let state: 'refused' | 'connected' = 'refused';
    const call = requestTo(endpoint, path, { method: 'GET', signal });
    const timer = clock.after(timeoutMs, () => call.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    const answer = (given: GetAnswer) => {
      timer.cancel();
      resolve(given);
    };
    call.on('socket', (socket) => {
      socket.once('connect', () => {
        state = 'connected';
      });
    });
    /** Set when it answers: then what came of that counts, however it ends. */
    let answered: (() => void) | undefined;
    call.on('error', (error: NodeJS.ErrnoException) => {
      if (answered) return answered();
      answer({ state, why: error.message, ...(state === 'refused' && error.code && { code: error.code }) });
    });
    // An answer that is neither (a switch of protocols) just closes.
    call.on('close', () => {
      if (answered) return answered();
      answer({ state, why: 'it closed the connection' });
    });
    call.on('response', (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      const over = () => {
        const text = Buffer.concat(parts).toString('utf8', 0, bytesMax);
        const server = String(response.headers.server ?? '');
        answer({ state: 'answered', status: response.statusCode ?? 0, text, server });
        call.destroy();
      };
      answered = over;
      response.on('error', over);
      response.on('end', over);
      response.on('data', (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes >= bytesMax) over();
      });
      if (bytesMax === 0) over();
    });
    call.end();
  });
}
