// The body of a request: unread until somebody wants it, then read as far as is needed and no further. What was read
// and cannot go on yet is held, and counts in what may wait in all. Its request ends it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import { BodyPace, paceBytesMin, paceGraceMs, type SlowPace } from './body-pace.ts';
import type { WaitingBytes } from './waiting-bytes.ts';

export interface RequestBodyOptions {
  readonly request: IncomingMessage;
  /** For `100 Continue`, when the caller waits to be asked. */
  readonly response: ServerResponse;
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly waiting: WaitingBytes;
  /** Is shown every byte that is held, once. What it throws is a failure. */
  readonly show: (bytes: Buffer) => void;
  /** It is over its limit, comes too slowly, or there is no room to hold it. Told once; nothing more is read then. */
  readonly onFailure: (error: GreenroomError) => void;
}

/** Takes what comes; false: not so fast. */
export interface BodySink {
  write(bytes: Buffer): boolean;
  end(): void;
}

export interface Peeking {
  readonly enough: () => boolean;
  readonly bytesMax: number;
}

export class RequestBody {
  readonly #options: RequestBodyOptions;
  readonly #pace: BodyPace;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  #state: 'unread' | 'holding' | 'passing' | 'dropped' = 'unread';
  #coming: 'more' | 'all' = 'more';
  /** Whether a caller who waits to be asked for it has been. */
  #asked: 'yes' | 'not_yet';
  #peeking: Peeking | undefined;
  #sink: BodySink | undefined;
  #wake: (() => void) | undefined;

  constructor(options: RequestBodyOptions) {
    this.#options = options;
    const { request, clock, onFailure } = options;
    this.#pace = new BodyPace(clock, (pace) => this.#fail(onFailure, tooSlow(pace)));
    this.#asked = request.headers.expect === undefined ? 'yes' : 'not_yet';
    request.pause();
    request.on('data', (bytes: Buffer) => this.#came(bytes));
    request.on('end', () => this.#ended());
    // Told by the close of the response.
    request.on('error', () => undefined);
  }

  /** What was read and has not gone on. */
  get held(): readonly Buffer[] {
    return this.#held;
  }

  get whole(): boolean {
    return this.#coming === 'all';
  }

  /** Reads and holds, until it is enough, the end has come, or so many bytes are held; goes on to hold as many. */
  async peek(peeking: Peeking): Promise<void> {
    this.#peeking = peeking;
    if (this.#state === 'unread') this.#state = 'holding';
    this.#flow();
    while (this.#state === 'holding' && this.#reading() && !peeking.enough()) await this.#more();
  }

  /** All of it, held; what there is of it when it has failed. */
  async all(): Promise<Buffer> {
    await this.peek({ enough: () => false, bytesMax: this.#options.bytesMax + 1 });
    return Buffer.concat(this.#held);
  }

  /** Everything goes there from now on, what is held first. */
  passTo(sink: BodySink): void {
    if (this.#state === 'dropped') return;
    this.#state = 'passing';
    this.#peeking = undefined;
    this.#sink = sink;
    const held = this.#held;
    this.#letGo();
    const rooms = held.map((bytes) => sink.write(bytes));
    if (this.#coming === 'all') sink.end();
    else if (rooms.at(-1) ?? true) this.#read();
  }

  /** Something is held for it: from now on it has to come, or it fails with `request_timeout`. */
  hasToCome(): void {
    if (this.#coming === 'more' && this.#state !== 'dropped') this.#pace.begin();
  }

  /** The sink takes more again. */
  resume(): void {
    if (this.#state === 'passing' && this.#coming === 'more') this.#read();
  }

  /** Nobody wants it any more: what still comes is thrown away, since to leave it would reset the connection. */
  drop(): void {
    if (this.#state === 'dropped') return;
    this.#state = 'dropped';
    this.#pace.stop();
    this.#letGo();
    this.#sink = undefined;
    this.#wake?.();
    if (this.#asked === 'yes' && this.#coming === 'more') this.#options.request.resume();
  }

  #came(bytes: Buffer): void {
    if (this.#state === 'dropped') return;
    const { bytesMax, waiting, onFailure } = this.#options;
    this.#receivedBytes += bytes.length;
    this.#pace.came(bytes.length);
    if (this.#receivedBytes > bytesMax) return this.#fail(onFailure, tooLarge(bytesMax));
    if (this.#state !== 'passing' && !waiting.take(bytes.length))
      return this.#fail(onFailure, tooMuch(waiting.max));
    try {
      this.#take(bytes);
    } catch (error) {
      this.#fail(onFailure, toGreenroomError(error));
    }
  }

  #take(bytes: Buffer): void {
    if (this.#state === 'passing') {
      if (!this.#sink?.write(bytes)) this.#pause();
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.#options.show(bytes);
    this.#flow();
    this.#wake?.();
  }

  #ended(): void {
    this.#coming = 'all';
    this.#pace.stop();
    this.#wake?.();
    this.#sink?.end();
  }

  #fail(onFailure: (error: GreenroomError) => void, error: GreenroomError): void {
    this.drop();
    onFailure(error);
  }

  #reading(): boolean {
    return this.#coming === 'more' && this.#heldBytes < (this.#peeking?.bytesMax ?? 0);
  }

  #flow(): void {
    if (this.#reading()) this.#read();
    else this.#pause();
  }

  #pause(): void {
    this.#pace.rest();
    this.#options.request.pause();
  }

  #read(): void {
    const { request, response } = this.#options;
    if (this.#asked === 'not_yet' && !response.headersSent) response.writeContinue();
    this.#asked = 'yes';
    this.#pace.resume();
    request.resume();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #letGo(): void {
    this.#options.waiting.give(this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
  }
}

function tooLarge(bytesMax: number): GreenroomError {
  const message = `the body is over the limit of ${bytesMax} bytes`;
  return new GreenroomError('body_too_large', message, { details: { limit: bytesMax } });
}

function tooMuch(bytesMax: number): GreenroomError {
  const message = `${bytesMax} bytes of requests wait already; come again in a second`;
  return new GreenroomError('server_busy', message, { details: { limit: bytesMax } });
}

function tooSlow({ bytes, ms }: SlowPace): GreenroomError {
  const limit = `${paceBytesMin} bytes a second are the least, after ${paceGraceMs} ms`;
  const message = `the body comes too slowly for what is held for it: ${bytes} bytes in ${ms} ms; ${limit}`;
  return new GreenroomError('request_timeout', message, { details: { bytes, ms, limit: paceBytesMin } });
}
