// What a caller gets, from the first byte to the last, whoever it comes from: the lobby's comments, an engine's answer,
// an error in whatever form can still be told. Owns the response; its request closes it.
//
//     silent ──wait()──▶ waiting ──begin()──▶ answering ──end() | fail()──▶ ended
//        └──────────────begin()──────────────────▲
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { refuseRequest } from '../refusal.ts';
import { Outflow, type OutflowLimits, streamLimits } from './outflow.ts';
import { maskedHeaders } from './proxy-headers.ts';
import type { WaitingBytes } from './waiting-bytes.ts';

export interface ReplyOptions {
  readonly response: ServerResponse;
  readonly clock: Clock;
  readonly waiting: WaitingBytes;
  /** Applied to what we say ourselves, to headers, and to an engine's errors: no secret leaves. */
  readonly mask: (text: string) => string;
  /** The caller does not take what he asked for, and is given up. */
  readonly onSlow: (what: string) => void;
}

export interface ReplyHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** `events`: an event stream, in which an error can be told. */
  readonly form: 'events' | 'body';
  readonly limits: OutflowLimits;
}

const eventHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Some proxies gather what comes otherwise.
  'x-accel-buffering': 'no',
};

export const eventHead: ReplyHead = {
  ...{ status: 200, headers: eventHeaders, form: 'events', limits: streamLimits },
};

export class Reply {
  readonly #options: ReplyOptions;
  readonly #outflow: Outflow;
  #state: 'silent' | 'waiting' | 'answering' | 'ended' = 'silent';
  #form: ReplyHead['form'] = 'body';
  /** There is room again for more of the answer. */
  onRoom: () => void = () => undefined;

  constructor(options: ReplyOptions) {
    const { response, clock, waiting, onSlow } = options;
    this.#options = options;
    this.#outflow = new Outflow({
      ...{ outlet: response, clock, waiting, onSlow },
      onRoom: () => this.onRoom(),
    });
  }

  get state(): 'silent' | 'waiting' | 'answering' | 'ended' {
    return this.#state;
  }

  /** The bytes themselves where there is nothing to be masked: they need not be text. */
  masked(bytes: Buffer): Buffer {
    const text = bytes.toString('utf8');
    const masked = this.#options.mask(text);
    return masked === text ? bytes : Buffer.from(masked);
  }

  /** Sends a comment; the first one begins an event stream, after which no status can be told any more. */
  wait(comment: string): void {
    if (this.#state === 'silent') {
      this.#head(eventHead);
      this.#state = 'waiting';
    }
    if (this.#state === 'waiting') this.#outflow.push(Buffer.from(comment));
  }

  /** Begins the answer. Throws when the lobby has begun an event stream, and this is none. */
  begin(head: ReplyHead): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'silent') this.#head(head);
    else if (head.form !== 'events')
      throw new GreenroomError('engine_call_failed', 'a stream was asked for, and the answer is none');
    this.#state = 'answering';
  }

  /** Sends the head by itself: what follows may take its time. */
  flush(): void {
    this.#options.response.flushHeaders();
  }

  /** False: there is no room for more; `onRoom` tells when there is. */
  push(bytes: Buffer): boolean {
    return this.#state !== 'answering' || this.#outflow.push(bytes);
  }

  /** As `push`; resolves when there is room. */
  async send(bytes: Buffer): Promise<void> {
    if (this.push(bytes)) return;
    await new Promise<void>((resolve) => {
      this.onRoom = resolve;
    });
  }

  /** All has been said. Resolves when it has gone to the caller. */
  async end(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    await this.#outflow.empty();
    this.#options.response.end();
  }

  /** Tells the error, as far as it still can be: by a status, as an event, or by a connection that is cut. */
  async fail(error: GreenroomError): Promise<void> {
    const before = this.#state;
    if (before === 'ended') return;
    const { response, mask } = this.#options;
    if (before === 'silent') {
      this.#state = 'ended';
      return refuseRequest(response, error, mask);
    }
    if (this.#form !== 'events') return this.cut();
    this.#outflow.push(Buffer.from(`data: ${mask(JSON.stringify(error.toBody()))}\n\n`));
    await this.end();
  }

  /** Tells the error now or never: there is no time to wait for a caller who is slow. */
  leave(error: GreenroomError): void {
    if (this.#outflow.waitingBytes > 0) this.cut();
    else void this.fail(error);
  }

  /** Ends the connection, so that nobody takes what has come for all there is. Idempotent. */
  cut(): void {
    this.close();
    const { response } = this.#options;
    if (response.destroyed || response.writableFinished) return;
    const { socket } = response;
    // Where neither a length nor chunks tell that something is missing, a plain end would look like one.
    if (response.req.httpVersion === '1.0' && socket && !('encrypted' in socket)) socket.resetAndDestroy();
    else response.destroy();
  }

  /** The connection is gone. */
  close(): void {
    this.#state = 'ended';
    this.#outflow.close();
    this.onRoom();
  }

  #head({ status, headers, form, limits }: ReplyHead): void {
    const { response } = this.#options;
    this.#form = form;
    this.#outflow.limits = limits;
    response.writeHead(status, maskedHeaders(headers, this.#options.mask));
  }
}
