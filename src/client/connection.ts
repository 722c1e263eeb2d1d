// A connection to a gateway's Realtime endpoint, over one socket after the other: the shell around `life.ts`, which has
// the states and what leads from one to the next. It owns its socket and timers, and lets go of all of them when it is
// closed, whoever closes it. Whoever connects closes.
//
// `opened` and `closed` may be left unwatched: no rejection of theirs is ever unhandled.
import type { LobbyNotice } from '../wire/notices.ts';
import { shownUrl } from './address.ts';
import { Audience } from './audience.ts';
import type { ClientEvent, ResponseOptions, SessionUpdate } from './client-events.ts';
import { type ConnectionEvent, type EventType, goodbyeIn, isReceived, readEvent } from './events.ts';
import { aFunction, anEvent, anObject, aString, check, closeCode, int16 } from './given.ts';
import { cannotSend } from './life.ts';
import { type LifeHost, LifeRunner } from './life-runner.ts';
import type { ConnectionEnd, ConnectionState, LifeEffect, LifeTimer, LifeWorld } from './life-states.ts';
import { Link, type LinkEnd } from './link.ts';
import type { Listener } from './listeners.ts';
import type { CheckedOptions } from './options.ts';
import { Outgoing, type Said } from './outgoing.ts';
import { askWhy } from './refusal.ts';
import { type Continuation, Resumption } from './resumption.ts';
import { type ClientWorld, Timers } from './timers.ts';

/** An explanation is asked for no longer than this. */
const askMs = 2000;

export class RealtimeConnection implements AsyncIterable<ConnectionEvent>, AsyncDisposable {
  readonly #opening = Promise.withResolvers<void>();
  readonly #ending = Promise.withResolvers<ConnectionEnd>();
  /** For messages: a token in it is hidden. */
  readonly url: string;
  /** The first time. Rejects with what could be learnt: `gateway_unreachable`, or the code it was refused with. */
  readonly opened: Promise<void> = this.#opening.promise;
  /** For good. Never rejects. */
  readonly closed: Promise<ConnectionEnd> = this.#ending.promise;
  readonly #options: CheckedOptions;
  readonly #world: ClientWorld;
  readonly #audience = new Audience();
  readonly #timers: Timers<'first' | 'ask'>;
  readonly #runner: LifeRunner;
  readonly #outgoing: Outgoing;
  readonly #resumption: Resumption | undefined;
  #conversation: Continuation = 'new';
  #link: Link | null = null;
  #question: AbortController | undefined;
  /** What the last socket said, when it said no more. */
  #hint = '';
  #eventCount = 0;

  /** @internal Use `connect`. */
  constructor(options: CheckedOptions, world: ClientWorld) {
    const { url, keep, signal, resume } = options;
    this.url = shownUrl(url);
    this.#options = options;
    this.#world = world;
    this.#timers = new Timers(world);
    this.#outgoing = new Outgoing(keep, world, (event) => this.#audience.tell(event));
    this.#resumption = resume ? new Resumption() : undefined;
    this.opened.catch(() => undefined);
    this.#runner = new LifeRunner(this.#host(), new Timers<LifeTimer>(world));
    if (resume) this.configure({ resumption: { enabled: true } });
    signal?.addEventListener('abort', this.#onAbort);
    // Nobody is called at all.
    if (signal?.aborted) this.#onAbort();
    else this.#runner.begin();
  }

  get state(): ConnectionState {
    return this.#runner.life.state;
  }

  /** The last notice of the lobby; null before the first, and while there is no connection. */
  get lobby(): LobbyNotice | null {
    return this.#audience.lobby;
  }

  /** What was sent and has not left yet. */
  get bufferedBytes(): number {
    return this.#link?.bufferedBytes ?? 0;
  }

  /** What waits for a connection, or for one that keeps up. */
  get kept(): { readonly audioMs: number; readonly lines: number } {
    return this.#outgoing.kept;
  }

  /**
   * Tells `listener` of every event of a type, or of all with `event`. Whoever listens or iterates right after
   * `connect`, or right after awaiting `opened`, misses nothing.
   *
   * @returns its undo
   */
  on<T extends EventType | 'event'>(type: T, listener: Listener<T>): () => void {
    check('type', type, aString);
    check('listener', listener, aFunction);
    return this.#audience.on(type, listener);
  }

  /** Every event from now on, over all reconnections; ends when the connection has closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConnectionEvent> {
    return this.#audience.stream();
  }

  /**
   * Throws `bad_usage` for what JSON cannot say, `not_ready` while there is no connection (`say`, `append` and
   * `configure` keep theirs), and `scope_closed` after.
   */
  send(event: ClientEvent): void {
    check('event', event, anEvent);
    if (this.state !== 'open' || !this.#outgoing.ready) throw cannotSend(event.type, this.#runner.life);
    if (event.type !== 'session.update') return this.#outgoing.send(event);
    this.#outgoing.configure({ eventId: event.event_id ?? this.#newId(), session: event.session });
  }

  /**
   * A change of the session. Kept, and asked for again in every session that follows, unless it is refused.
   *
   * @returns the event's id, which an `error` about it names
   */
  configure(session: SessionUpdate): string {
    check('session', session, anObject);
    if (this.#isOver) throw cannotSend('session.update', this.#runner.life);
    const eventId = this.#newId();
    this.#outgoing.configure({ eventId, session });
    return eventId;
  }

  /** Speech: PCM16, mono, 24 kHz. Kept for a while when it cannot be sent; `ended`: nobody will hear it. */
  append(pcm: Int16Array): 'sent' | 'kept' | 'ended' {
    check('pcm', pcm, int16);
    return this.#isOver ? 'ended' : this.#outgoing.append(pcm);
  }

  /** What was appended is one turn (push to talk). @returns the event's id, which an `error` about it names */
  commit(): string {
    return this.#sendWithId({ type: 'input_audio_buffer.commit' });
  }

  /**
   * Types a line and asks for the answer. Without a connection it is kept, and sent once when there is one; what becomes
   * of it is told as `client.line`.
   */
  say(text: string): Said {
    check('text', text, aString);
    const eventId = this.#newId();
    if (this.#isOver) return { itemId: '', eventId, state: 'refused' };
    return this.#outgoing.say(text, eventId);
  }

  /** Asks for an answer. @returns the event's id, which an `error` about it names */
  createResponse(response?: ResponseOptions): string {
    if (response !== undefined) check('response', response, anObject);
    return this.#sendWithId({ type: 'response.create', ...(response && { response }) });
  }

  /**
   * Closes, and resolves when it is closed: at the latest when the server has had its time to answer. Idempotent.
   *
   * @param code 1000, or 3000 to 4999
   * @param reason what is over 123 bytes of UTF-8 is left out: a close frame has no room for it
   */
  close(code = 1000, reason = ''): Promise<ConnectionEnd> {
    check('code', code, closeCode);
    check('reason', reason, aString);
    this.#runner.take({ type: 'close', code, reason });
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isOver(): boolean {
    return this.state === 'closing' || this.state === 'closed';
  }

  #newId(): string {
    return `client_${(this.#eventCount += 1)}`;
  }

  #sendWithId(event: ClientEvent): string {
    const id = this.#newId();
    this.send({ ...event, event_id: id });
    return id;
  }

  readonly #onAbort = () => void this.close();

  #lifeWorld(): LifeWorld {
    const world = this.#world;
    return { ...this.#options.life, url: this.url, nowMs: world.now(), random: () => world.random() };
  }

  #host(): LifeHost {
    return {
      lifeWorld: () => this.#lifeWorld(),
      dial: () => this.#dial(),
      cut: () => this.#link?.cut(),
      close: (code, reason) => this.#link?.close(code, reason),
      ask: () => void this.#ask(),
      stopAsking: () => this.#question?.abort(),
      mayDial: () => true,
      neverOpened: (error) => this.#opening.reject(error),
      moved: (change) => this.#moved(change),
    };
  }

  #dial(): void {
    const { Socket, url, protocols } = this.#options;
    this.#link = new Link({
      ...{ Socket, url: this.#resumption?.address(url) ?? url, protocols },
      onOpened: () => this.#linkOpened(),
      onMessage: (data) => this.#taken(data),
      onClosed: (end) => this.#linkClosed(end),
    });
  }

  #linkOpened(): void {
    const question = this.#resumption?.begin();
    if (question === undefined) this.#seated('new', []);
    else this.#link?.send(question);
  }

  /** A frame. One of a gateway that was asked for a conversation waits until it is known whether it is that one. */
  #taken(data: unknown): void {
    const taken = this.#resumption?.take(data);
    if (taken?.state === 'known') this.#seated(taken.as, taken.frames);
    else if (!taken) this.#receive(data);
  }

  /** @param frames what it was told before this was known */
  #seated(as: Continuation, frames: readonly unknown[]): void {
    this.#conversation = as;
    const events = frames.map((data) => ({ data, event: readEvent(data) }));
    // What the gateway has of our lines is not sent to it again. The last is the answer to our question alone.
    for (const { event } of events.slice(0, -1)) if (isReceived(event)) this.#outgoing.heard(event);
    this.#runner.take({ type: 'socket_opened' });
    for (const { data, event } of events) this.#told(event, data);
  }

  #linkClosed({ hint, ...end }: LinkEnd): void {
    this.#hint = hint;
    this.#link = null;
    this.#resumption?.cancel();
    this.#audience.lobby = null;
    this.#outgoing.detach();
    this.#runner.take({ type: 'socket_closed', ...end });
  }

  async #ask(): Promise<void> {
    const question = new AbortController();
    this.#question = question;
    this.#timers.set('ask', askMs, () => question.abort());
    const { url, token } = this.#options;
    const error = await askWhy({ socketUrl: url, token, hint: this.#hint, signal: question.signal });
    this.#timers.cancel('ask');
    this.#runner.take({ type: 'explained', error });
  }

  /** The state has another word: first what follows from it, then everybody is told. */
  #moved(change: LifeEffect & { readonly type: 'tell' }): void {
    const { life } = this.#runner;
    if (life.state === 'closed') this.#outgoing.end();
    if (life.state === 'open' && this.#link) this.#outgoing.attach(this.#link, this.#conversation);
    const cause = life.state === 'closed' ? life.end.cause : null;
    const conversation = life.state === 'open' ? this.#conversation : null;
    this.#audience.tell({ ...change, type: 'client.state', state: life.state, cause, conversation });
    if (life.state === 'closed') this.#finish(life.end);
    if (life.state !== 'open') return;
    this.#opening.resolve();
    if (this.#audience.state === 'early') this.#timers.set('first', 0, () => this.#audience.begin());
  }

  #receive(data: unknown): void {
    const event = readEvent(data);
    if (isReceived(event)) this.#outgoing.heard(event);
    this.#told(event, data);
  }

  #told(event: ConnectionEvent, data: unknown): void {
    const goodbye = goodbyeIn(event);
    // Whoever is told of it may say something at once, and nothing is given to a gateway that leaves.
    if (goodbye) this.#outgoing.detach();
    this.#audience.tell(event, typeof data === 'string' ? data.length : 0);
    if (goodbye) this.#runner.take({ type: 'shutdown_noticed', ...goodbye });
  }

  #finish(end: ConnectionEnd): void {
    this.#runner.end();
    this.#timers.cancelAll();
    this.#audience.end();
    this.#ending.resolve(end);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }
}
