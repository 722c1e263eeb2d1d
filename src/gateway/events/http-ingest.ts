// `POST /v1/events`: one event, an array, or NDJSON of any length, published as it comes. What was accepted stays
// accepted, whatever becomes of the rest. Over when it is answered, its caller has left, or the gateway leaves.
//
//     reading ──all of it has come──▶ ending ──answered──▶ ended
//        └──too slow, too large, leaving, left────────────▲
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Intake, type IntakeOptions } from '../../hub/intake.ts';
import { elementsOf, type Span } from '../../hub/json-span.ts';
import { Lines } from '../../hub/lines.ts';
import type { Producer, Producers } from '../../hub/producers.ts';
import { dataBytesMax, type Publishes } from '../../hub/publication.ts';
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import type { Log } from '../../telemetry/log.ts';
import { RequestBody } from '../engine-requests/request-body.ts';
import type { WaitingBytes } from '../engine-requests/waiting-bytes.ts';
import { refuseRequest } from '../refusal.ts';
import { bodyBytesMax } from '../request-body.ts';
import { targetOf } from '../request-head.ts';
import { type EventPostHead, eventPostHead } from './event-post.ts';
import type { FairTurns, Worker } from './fair-turns.ts';
import { Tally } from './tally.ts';
import { lineTooLong } from './unix-producer.ts';

export interface EventPostContext {
  readonly hub: Publishes;
  readonly producers: Producers;
  readonly clock: Clock;
  readonly turns: FairTurns;
  readonly log: Log;
  /** What is read of JSON bodies counts in it. */
  readonly waiting: WaitingBytes;
  readonly mask: (text: string) => string;
  /** Whose token it is, in a word that is no secret: with the address it tells one producer from another. */
  readonly who: string;
  /** Null when the caller may publish there. */
  readonly mayPublish: NonNullable<IntakeOptions['mayPublish']>;
  /** Aborts when the gateway leaves: what has come by then is published, and the answer says that it is not all. */
  readonly leaving: AbortSignal;
}

/** NDJSON may come as slowly as events happen, but something has to come. */
export const silenceMsMax = 60_000;

/** Resolves when it is over. Never throws. The method is POST, and the caller may be here. */
export async function postEvents(
  request: IncomingMessage,
  response: ServerResponse,
  context: EventPostContext,
): Promise<void> {
  let head: EventPostHead;
  try {
    head = eventPostHead(targetOf(request.url)?.searchParams ?? new URLSearchParams(), request.headers);
    const refusal = head.as === undefined ? null : context.mayPublish(head.as);
    if (refusal) throw refusal;
  } catch (thrown) {
    return refuseRequest(response, toGreenroomError(thrown), context.mask);
  }
  const remote = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? null;
  const producer = context.producers.open({ kind: 'http', remote, same: `${remote} ${context.who}` });
  const post = new EventPost({ request, response, head, producer, ...context });
  context.leaving.addEventListener('abort', post.leave, { once: true });
  if (context.leaving.aborted) post.leave();
  await post.over;
  context.leaving.removeEventListener('abort', post.leave);
  producer.left();
}

interface EventPostOptions extends EventPostContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: EventPostHead;
  readonly producer: Producer;
}

class EventPost implements Worker {
  readonly over: Promise<void>;
  readonly #options: EventPostOptions;
  readonly #intake: Intake;
  readonly #tally = new Tally();
  readonly #body: RequestBody;
  readonly #over = Promise.withResolvers<void>();
  /** Of NDJSON. */
  readonly #lines = new Lines(dataBytesMax);
  readonly #pieces: Buffer[] = [];
  /** Of JSON. */
  #json: Buffer = Buffer.alloc(0);
  #events: readonly Span[] = [];
  #nextEvent = 0;
  #state: 'reading' | 'ending' | 'ended' = 'reading';
  #work: 'none' | 'waiting' = 'none';
  #silence: Timer | undefined;
  #cameMs = 0;

  constructor(options: EventPostOptions) {
    const { request, response, head, clock, waiting } = options;
    this.#options = options;
    this.over = this.#over.promise;
    this.#intake = new Intake({ ...options, ...head });
    this.#body = new RequestBody({
      ...{ request, response, clock, waiting, show: () => undefined },
      bytesMax: head.form === 'json' ? bodyBytesMax : Number.POSITIVE_INFINITY,
      onFailure: (error) => this.#fail(inWords(error)),
    });
    response.on('error', () => undefined);
    response.once('close', () => this.#end('its caller left'));
    if (head.form === 'json') void this.#readJson();
    else this.#readLines();
  }

  /** What has come in whole lines is published. */
  readonly leave = (): void => {
    if (this.#state === 'ended') return;
    this.work(() => true);
    this.#fail(
      new GreenroomError(
        'server_shutdown',
        'the gateway is leaving; what is not accepted is to be sent again',
      ),
    );
  };

  work(mayGoOn: () => boolean): 'done' | 'more' {
    const { head } = this.#options;
    const next = head.form === 'json' ? () => this.#takeEvent() : () => this.#takeLine();
    while (this.#state !== 'ended' && next()) if (!mayGoOn()) return 'more';
    this.#work = 'none';
    if (this.#state === 'ending') this.#answer();
    else if (this.#state === 'reading') {
      this.#cameMs = this.#options.clock.now();
      this.#body.resume();
    }
    return 'done';
  }

  async #readJson(): Promise<void> {
    this.#body.hasToCome();
    const bytes = await this.#body.all();
    if (this.#state === 'ended') return;
    const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    this.#json = marked ? bytes.subarray(3) : bytes;
    if (this.#json.every((byte) => byte <= 0x20))
      return this.#fail(
        new GreenroomError('invalid_request', 'the body is empty; expected an event, or an array of them'),
      );
    const whole = [{ start: 0, end: this.#json.length }];
    this.#events = (this.#options.head.raw ? undefined : elementsOf(this.#json)) ?? whole;
    this.#state = 'ending';
    this.#ask();
  }

  #readLines(): void {
    this.#cameMs = this.#options.clock.now();
    this.#watch(silenceMsMax);
    this.#body.passTo({
      write: (bytes) => {
        this.#cameMs = this.#options.clock.now();
        this.#pieces.push(bytes);
        this.#ask();
        return this.#work === 'none';
      },
      end: () => {
        if (this.#state !== 'reading') return;
        this.#state = 'ending';
        this.#ask();
      },
    });
  }

  #ask(): void {
    this.#work = 'waiting';
    this.#options.turns.ask(this);
  }

  /** False: there is none. */
  #takeEvent(): boolean {
    const event = this.#events[this.#nextEvent];
    if (!event) return false;
    this.#nextEvent += 1;
    this.#tally.add(this.#nextEvent, this.#intake.take(this.#json.subarray(event.start, event.end)));
    return true;
  }

  #takeLine(): boolean {
    let line = this.#lines.next();
    if (!line) {
      const piece = this.#pieces.shift();
      if (piece) {
        this.#lines.push(piece);
        return true;
      }
      if (this.#state !== 'ending') return false;
      this.#lines.end();
      line = this.#lines.next();
      if (!line) return false;
    }
    const { number } = line;
    const taken =
      line.state === 'whole' ? this.#intake.take(line.bytes) : this.#intake.refuse(lineTooLong(dataBytesMax));
    this.#tally.add(number, taken);
    return true;
  }

  #watch(ms: number): void {
    const { clock } = this.#options;
    const look = () => {
      const silentMs = this.#work === 'waiting' ? 0 : clock.now() - this.#cameMs;
      if (silentMs < silenceMsMax) return this.#watch(silenceMsMax - silentMs);
      const message = `nothing came for ${silenceMsMax} ms; end the post, and begin another one when there is something`;
      this.#fail(new GreenroomError('request_timeout', message, { details: { limit: silenceMsMax } }));
    };
    this.#silence = clock.after(ms, look, { ref: false });
  }

  #answer(): void {
    const { response } = this.#options;
    const failure = this.#tally.failure;
    if (failure) return this.#refuse(failure);
    const text = JSON.stringify(this.#tally.published);
    this.#end();
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  }

  #fail(error: GreenroomError): void {
    if (this.#state !== 'ended') this.#refuse(this.#tally.with(error));
  }

  #refuse(error: GreenroomError): void {
    const { response, mask } = this.#options;
    this.#end(error.message);
    if (!response.headersSent && !response.destroyed) refuseRequest(response, error, mask);
  }

  #end(why?: string): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#silence?.cancel();
    const { turns, log, producer } = this.#options;
    turns.forget(this);
    this.#body.drop();
    const { accepted, rejectedCount } = this.#tally.published;
    const facts = { producer: producer.id, accepted, rejected: rejectedCount };
    if (why !== undefined) log.debug(facts, `a post of events ended early: ${why}`);
    else if (rejectedCount > 0) log.debug(facts, 'of a post of events not all were taken');
    this.#over.resolve();
  }
}

function inWords(error: GreenroomError): GreenroomError {
  if (error.code !== 'body_too_large') return error;
  const message = `${error.message}; send NDJSON (content-type: application/x-ndjson), whose lines alone are limited`;
  return new GreenroomError(error.code, message, { details: error.details, cause: error });
}
