// One call of an engine over HTTP: a request, its answer as it comes, and what is told when it is no good. A connection
// of its own for each; closed when it is over, when its caller leaves, and when the engine gives nothing for too long.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import { type Endpoint, endpointText, requestTo } from '../endpoint.ts';
import { neededChars, shown } from '../shown.ts';

export interface HttpContext {
  readonly engine: string;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  /** It may give nothing for so long while it is listened to. */
  readonly stallMs: number;
  /** Applied to what the engine says of its failure. */
  readonly mask: (text: string) => string;
  /** Told of each call with what ends it; answers with what to do when it is over. */
  readonly onOpen?: (end: (error: Error) => void) => () => void;
}

export interface HttpQuestion {
  /** In messages: `speech`, `chat`. */
  readonly what: string;
  /** Begins with a slash. */
  readonly path: string;
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** The connection was refused, cut, or gave nothing: the engine itself may be gone. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

const saidCharsMax = 2000;

/** An answer with status 200. */
export class HttpAnswer {
  readonly #response: IncomingMessage;
  readonly #context: HttpContext;
  readonly #question: HttpQuestion;

  constructor(response: IncomingMessage, context: HttpContext, question: HttpQuestion) {
    this.#response = response;
    this.#context = context;
    this.#question = question;
  }

  get type(): string | undefined {
    return this.#response.headers['content-type'];
  }

  /** The clock runs only while we wait for the engine, not while our consumer takes its time. */
  async *chunks(): AsyncGenerator<Buffer> {
    const { clock, stallMs } = this.#context;
    const watch = () => clock.after(stallMs, () => this.#response.destroy(silence(this.#context)));
    let timer = watch();
    try {
      for await (const chunk of this.#response) {
        timer.cancel();
        yield chunk as Buffer;
        timer = watch();
      }
    } finally {
      timer.cancel();
    }
  }

  /** All of it. Throws when it is longer. */
  async whole(bytesMax: number): Promise<string> {
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of this.chunks()) {
      bytes += part.length;
      if (bytes > bytesMax) throw this.failed(`its answer is longer than ${bytesMax} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  /** JSON, whatever its type says. */
  async json(bytesMax: number): Promise<unknown> {
    const text = await this.whole(bytesMax);
    try {
      return JSON.parse(text);
    } catch {
      throw this.failed(`its answer from ${this.#question.path} is no JSON: ${this.said(text)}`);
    }
  }

  /** What it said, for a message: masked, and cut. */
  said(text: string): string {
    return shown(text, saidCharsMax, (said) => this.#context.mask(said).trim());
  }

  /** The beginning of what has not been read yet. */
  async rest(): Promise<string> {
    let text = '';
    for await (const chunk of this.chunks()) {
      text += String(chunk);
      if (text.length >= neededChars(saidCharsMax)) break;
    }
    return this.said(text);
  }

  failed(why: string): GreenroomError {
    return callFailed(this.#context, this.#question, why);
  }
}

/** `details.status` where the engine answered with one. */
function callFailed(
  { engine }: HttpContext,
  { what }: HttpQuestion,
  why: string,
  status?: number,
): GreenroomError {
  const details = status === undefined ? {} : { status };
  return new GreenroomError('engine_call_failed', `engine ${engine}: ${what}: ${why}`, { details });
}

/**
 * What `read` makes of the answer. Ends early, without an error, when the signal aborts: the connection is closed, which
 * cancels the work. Throws `engine_call_failed` for a bad answer, ConnectionLost for none.
 */
export async function* exchange<Part>(
  context: HttpContext,
  question: HttpQuestion,
  read: (answer: HttpAnswer) => AsyncIterable<Part>,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  if (signal.aborted) return;
  let over: (() => void) | undefined;
  try {
    const { outgoing, answered } = post(context, question, signal);
    let incoming: IncomingMessage | undefined;
    over = context.onOpen?.((error) => void (incoming ?? outgoing).destroy(error));
    incoming = await answered;
    const answer = new HttpAnswer(incoming, context, question);
    const status = incoming.statusCode ?? 0;
    if (status !== 200) throw callFailed(context, question, `HTTP ${status}: ${await answer.rest()}`, status);
    yield* read(answer);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof GreenroomError) throw error;
    const cut = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    const where = endpointText(context.endpoint);
    throw new ConnectionLost(cut ? `the connection to ${where} was cut` : messageOf(error), { cause: error });
  } finally {
    over?.();
  }
}

function post(context: HttpContext, { path, type, body }: HttpQuestion, signal: AbortSignal) {
  const { endpoint, clock, stallMs } = context;
  const outgoing: ClientRequest = requestTo(endpoint, path, {
    method: 'POST',
    signal,
    headers: { 'content-type': type, 'content-length': Buffer.byteLength(body) },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    const timer = clock.after(stallMs, () => outgoing.destroy(silence(context)));
    outgoing.on('response', (response) => {
      timer.cancel();
      resolve(response);
    });
    outgoing.on('error', reject);
    outgoing.on('close', () => {
      timer.cancel();
      reject(new Error(`${endpointText(endpoint)} closed the connection without an answer`));
    });
    outgoing.end(body);
  });
  return { outgoing, answered };
}

const silence = ({ endpoint, stallMs }: HttpContext): Error =>
  new Error(`${endpointText(endpoint)} gave nothing for ${stallMs} ms`);
