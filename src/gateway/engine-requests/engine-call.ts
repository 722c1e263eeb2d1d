// One request to an engine over HTTP: sends the caller's body on as it comes and no faster than the engine takes it,
// and waits for the answer's head. Owns the connection; whoever made it closes it.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { type Endpoint, endpointText, requestTo } from '../../engines/endpoint.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { messageOf } from '../../lifecycle/errors.ts';
import type { ModelEdit } from './model-edit.ts';
import { headersToEngine } from './proxy-headers.ts';
import type { BodySink } from './request-body.ts';
import { SilenceWatch } from './silence.ts';

/** How long an engine may say nothing. */
export interface SilenceLimits {
  /** Before its answer begins, or where that comes as a whole. */
  readonly answerMs: number;
  /** In the middle of a stream. */
  readonly streamMs: number;
}

export interface EngineCallOptions {
  readonly endpoint: Endpoint;
  /** With its query, as the engine is to get it. */
  readonly target: string;
  readonly request: Pick<IncomingMessage, 'method' | 'headers'>;
  readonly body: BodySource;
  readonly edit: ModelEdit | undefined;
  /** In place of what the caller sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly silence: SilenceLimits;
  readonly signal: AbortSignal;
  /** Something of its answer has come. */
  readonly onHeard?: () => void;
}

/** A body, as far as it has come. */
export interface BodySource {
  readonly held: readonly Buffer[];
  readonly whole: boolean;
  passTo(sink: BodySink): void;
  /** The sink takes more again. */
  resume(): void;
}

/** One that is there already. */
export function givenBody(bytes: Buffer): BodySource {
  return {
    ...{ held: [bytes], whole: true, resume: () => undefined },
    passTo(sink) {
      sink.write(bytes);
      sink.end();
    },
  };
}

/** The connection was refused, cut, or gave nothing. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly how: 'lost' | 'silent';

  constructor(how: 'lost' | 'silent', message: string, cause?: unknown) {
    super(message, { cause });
    this.how = how;
  }
}

export class EngineCall {
  readonly silence: SilenceWatch;
  readonly #options: EngineCallOptions;
  readonly #outgoing: ClientRequest;
  readonly #answer = Promise.withResolvers<IncomingMessage>();
  readonly #onAbort = () => this.#lost(new ConnectionLost('lost', 'nobody waits for it any more'));
  #response: IncomingMessage | undefined;

  constructor(options: EngineCallOptions) {
    this.#options = options;
    const { endpoint, target, request, clock, signal } = options;
    this.silence = new SilenceWatch(
      clock,
      (ms) => this.#lost(new ConnectionLost('silent', `${this.#what} gave nothing for ${ms} ms`)),
      options.onHeard,
    );
    const passing = new Passing(options);
    this.#outgoing = requestTo(endpoint, target, {
      method: request.method ?? 'GET',
      headers: { ...headersToEngine(request.headers), ...options.headers, ...passing.headers },
    });
    // Rejections are looked at in `answered`, which may not be asked any more.
    this.#answer.promise.catch(() => undefined);
    this.#outgoing.on('response', (response) => this.#answered(response));
    this.#outgoing.on('error', (error) => this.#lost(this.#reason(error)));
    this.#outgoing.on('close', () => {
      // As a rule after the answer: to make an error costs more than all the rest of it.
      if (!this.#response?.complete) this.#lost(this.#reason(new Error('it was closed without an answer')));
    });
    if (signal.aborted) this.#onAbort();
    signal.addEventListener('abort', this.#onAbort, { once: true });
    passing.begin(this.#outgoing, () => {
      if (!this.#response) this.silence.watch(options.silence.answerMs);
    });
  }

  /** Rejects with ConnectionLost. */
  answered(): Promise<IncomingMessage> {
    return this.#answer.promise;
  }

  /** Closes the connection, which tells the engine that nobody listens. Idempotent. */
  close(): void {
    this.silence.stop();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#outgoing.destroy();
  }

  get #what(): string {
    const { request, target, endpoint } = this.#options;
    return `${request.method} ${target.split('?')[0]} at ${endpointText(endpoint)}`;
  }

  #answered(response: IncomingMessage): void {
    this.#response = response;
    // An error of it is told by its close.
    response.on('error', () => undefined);
    this.silence.stop();
    this.#answer.resolve(response);
  }

  #reason(error: Error & { readonly code?: string }): ConnectionLost {
    const cut = error.code === 'ECONNRESET' || error.code === 'EPIPE';
    return new ConnectionLost(
      'lost',
      `${this.#what}: ${cut ? 'the connection was cut' : messageOf(error)}`,
      error,
    );
  }

  #lost(lost: ConnectionLost): void {
    this.silence.stop();
    this.#answer.reject(lost);
    // Whoever reads the answer learns it there.
    if (!this.#response?.complete) this.#response?.destroy(lost);
    this.#outgoing.destroy();
  }
}

/** The body on its way: with the name of the model that the engine knows, and its length where that can be told. */
class Passing implements BodySink {
  readonly headers: Readonly<Record<string, string>>;
  readonly #body: BodySource;
  readonly #edit: ModelEdit | undefined;
  /** What was held has been edited before the length was told. */
  readonly #first: Buffer;
  #heldLeft: number;
  #outgoing: ClientRequest | undefined;
  #onSent: () => void = () => undefined;

  constructor({ request, body, edit }: EngineCallOptions) {
    this.#body = body;
    this.#edit = edit;
    const { held } = body;
    const heldBytes = held.reduce((bytes, part) => bytes + part.length, 0);
    this.#heldLeft = edit ? held.length : 0;
    this.#first = edit ? Buffer.concat(held.map((part) => edit.push(part))) : Buffer.alloc(0);
    if (edit && body.whole) this.#first = Buffer.concat([this.#first, edit.end()]);
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    const sends = (length ?? encoding) !== undefined || heldBytes > 0;
    // Some engines read no body without a length.
    if (body.whole && sends)
      this.headers = { 'content-length': String(edit ? this.#first.length : heldBytes) };
    else if (length !== undefined && (!edit || edit.state === 'done')) {
      const longer = edit ? this.#first.length - heldBytes : 0;
      this.headers = { 'content-length': String(Number(length) + longer) };
    } else this.headers = (length ?? encoding) === undefined ? {} : { 'transfer-encoding': 'chunked' };
  }

  begin(outgoing: ClientRequest, onSent: () => void): void {
    this.#outgoing = outgoing;
    this.#onSent = onSent;
    outgoing.on('drain', () => this.#body.resume());
    this.#body.passTo(this);
  }

  write(bytes: Buffer): boolean {
    if (this.#heldLeft > 0) {
      this.#heldLeft -= 1;
      return this.#heldLeft > 0 || this.#send(this.#first);
    }
    return this.#send(this.#edit ? this.#edit.push(bytes) : bytes);
  }

  end(): void {
    const rest = this.#edit?.end();
    if (rest && rest.length > 0) this.#send(rest);
    if (!this.#outgoing?.destroyed) this.#outgoing?.end();
    this.#onSent();
  }

  #send(bytes: Buffer): boolean {
    if (bytes.length === 0 || !this.#outgoing || this.#outgoing.destroyed) return true;
    return this.#outgoing.write(bytes);
  }
}
