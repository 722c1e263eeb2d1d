// The events of a gateway, over one connection after the other. It owns its connection and what is asked of the gateway,
// and lets go of all of it when it is closed, whoever closes it. Whoever opens it closes it; a `for await` that is left
// does.
//
// What is unread is bounded. Beyond that the connection is not read where it can be paused (server-sent events, `ws`),
// and given up where it cannot; either way the rest comes, from where it was, when half of it has been read. What the
// gateway keeps no longer by then is told as a gap.
//
// `opened`, `closed` and what `publish`, `subscribe` and `unsubscribe` promise may be left unwatched.
import { GreenroomError } from '../../lifecycle/errors.ts';
import { type HubControl, type HubRequest, parseEventId } from '../../wire/hub.ts';
import { shownUrl } from '../address.ts';
import { aFunction, anObject, aString, check, checkAll, type Rules } from '../given.ts';
import type { ConnectionEnd, ConnectionState } from '../life-states.ts';
import { Listeners } from '../listeners.ts';
import type { ClientWorld } from '../timers.ts';
import { HubConnection, type HubConnectionUser } from './connection.ts';
import { errorOf } from './failures.ts';
import { type ReceivedHubEvent, readHubMessage } from './messages.ts';
import { type CheckedEvents, checkTopics, dialUrl } from './options.ts';
import { Place } from './place.ts';
import { type NewEvent, Requests } from './requests.ts';
import { type HubTold, toldNames } from './told.ts';
import { Unread } from './unread.ts';
import { HubWire } from './wire-link.ts';

const newEventRules: Rules<NewEvent> = {
  topic: aString,
  key: aString,
  data: { expected: 'what JSON can say', fits: () => true },
};

export class HubStream implements AsyncIterableIterator<ReceivedHubEvent, undefined>, AsyncDisposable {
  readonly #opening = Promise.withResolvers<void>();
  readonly #ending = Promise.withResolvers<ConnectionEnd>();
  /** For messages: a token in it is hidden. */
  readonly url: string;
  /** The first time. Rejects with what could be learnt: `gateway_unreachable`, or the code it was refused with. */
  readonly opened: Promise<void> = this.#opening.promise;
  /** For good. Never rejects. */
  readonly closed: Promise<ConnectionEnd> = this.#ending.promise;
  readonly #options: CheckedEvents;
  readonly #listeners = new Listeners<HubTold>();
  readonly #unread: Unread;
  readonly #place: Place;
  readonly #requests: Requests;
  readonly #wire: HubWire;
  readonly #connection: HubConnection;
  /** `paused`: not read, for too much is unread; `left`: cut for that, since it could not be paused. */
  #reading: 'on' | 'paused' | 'left' = 'on';
  #client: string | undefined;
  /** Where it began, and where this connection did. */
  #startId: string | null;
  #welcomeId: string | null = null;

  /** @internal Use `events`. */
  constructor(options: CheckedEvents, world: ClientWorld) {
    const { base, topics, since, snapshot, client, signal, unread } = options;
    this.url = shownUrl(base);
    this.#options = options;
    this.#client = client;
    this.#startId = since ?? null;
    this.#unread = new Unread(unread);
    this.#place = new Place(since, snapshot);
    this.#requests = new Requests(topics);
    this.#wire = new HubWire(options, this.#requests, world);
    this.opened.catch(() => undefined);
    this.#connection = new HubConnection(options, world, this.#wire, this.#user());
    signal?.addEventListener('abort', this.#onAbort);
    if (signal?.aborted) this.#onAbort();
    else this.#connection.begin();
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** What the gateway has agreed to send. */
  get topics(): readonly string[] {
    return this.#requests.topics;
  }

  /** This watcher's id at the gateway; undefined until it has given one. */
  get client(): string | undefined {
    return this.#client;
  }

  /** Where to go on another time (`since`): the last event that was read, else where the stream began. */
  get lastId(): string | null {
    return this.#unread.handedId ?? this.#startId;
  }

  /** Events that wait to be read. */
  get unread(): number {
    return this.#unread.events;
  }

  /** @returns its undo */
  on<T extends keyof HubTold>(type: T, listener: (told: HubTold[T]) => void): () => void {
    const expected = `one of ${toldNames.join(', ')}`;
    check('type', type, { expected, fits: (value) => toldNames.includes(String(value)) });
    check('listener', listener, aFunction);
    return this.#listeners.add(type, listener);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Rejects once with why the stream is over, when nobody here has ended it and the gateway has not left. */
  next(): Promise<IteratorResult<ReceivedHubEvent, undefined>> {
    const event = this.#unread.next();
    this.#readOn();
    return event;
  }

  /** The reader leaves, as `break` in a `for await` does. */
  async return(): Promise<IteratorResult<ReceivedHubEvent, undefined>> {
    await this.close();
    return { value: undefined, done: true };
  }

  /** Resolves when the gateway has agreed; kept while there is no connection. Rejects with the refusal's code. */
  subscribe(topics: readonly string[]): Promise<void> {
    checkTopics(topics);
    return quiet(this.#requests.subscribe('subscribe', topics));
  }

  /** The same. Throws `bad_usage` when nothing would be left: a stream without topics would have everything. */
  unsubscribe(topics: readonly string[]): Promise<void> {
    checkTopics(topics);
    if (this.#requests.topicsAfter(topics).length === 0)
      throw new GreenroomError('bad_usage', 'no topic would be left; close the stream in place of that');
    return quiet(this.#requests.subscribe('unsubscribe', topics));
  }

  /**
   * Resolves with the event's id. Kept while there is no connection. Rejects with the code of a refusal; with
   * `gateway_unreachable` when the connection is lost before the answer, and nobody knows whether it was published.
   */
  publish(event: NewEvent): Promise<string> {
    check('event', event, anObject);
    checkAll('event', event, newEventRules);
    if (event.key !== undefined && event.topic === undefined)
      throw new GreenroomError('bad_usage', 'event.key: needs a topic');
    return this.#requests.publish(event);
  }

  /** Closes, and resolves when it is closed. What is unread is dropped; `lastId` says where to go on. Idempotent. */
  close(): Promise<ConnectionEnd> {
    this.#unread.drop();
    this.#connection.close();
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #onAbort = () => void this.close();

  #user(): HubConnectionUser {
    return {
      address: () => {
        const asked = { topics: this.#requests.topics, place: this.#place, client: this.#client };
        return dialUrl(this.#options, asked);
      },
      onMessage: (data) => this.#receive(data),
      onOpened: () => this.#opening.resolve(),
      onLost: (reason) => {
        this.#reading = 'on';
        this.#requests.detach(reason);
      },
      onReconnecting: (told) => this.#listeners.tell('reconnecting', told),
      onRefused: (error) => this.#opening.reject(error),
      onClosed: (end, error) => this.#finish(end, error),
      // Server-sent events have comments for it.
      probe: () => {
        if (this.#options.transport === 'websocket') this.#say({ type: 'ping' });
      },
      mayDial: () => this.#unread.roomy,
    };
  }

  #receive(data: unknown): void {
    const message = readHubMessage(data);
    if (message.kind === 'event') this.#event(message.event);
    else if (message.kind === 'control') this.#control(message.control);
    else if (message.kind === 'fault')
      this.#listeners.tell('error', { code: 'protocol_error', message: message.message });
  }

  #event(event: ReceivedHubEvent): void {
    if (!this.#place.takes(event.id, event.topic)) return;
    this.#unread.push(event);
    if (!this.#unread.full || this.#reading !== 'on') return;
    if (this.#connection.link?.pausable) {
      this.#reading = 'paused';
      this.#connection.pause();
    } else {
      this.#reading = 'left';
      this.#connection.cut(
        `${this.#unread.events} events are unread; it comes back when they are read`,
        'ours',
      );
    }
  }

  /** Something was read: there may be room again. */
  #readOn(): void {
    if (!this.#unread.roomy) return;
    if (this.#reading === 'paused' && this.#connection.link) {
      this.#reading = 'on';
      this.#connection.resume();
    }
    this.#connection.goOn();
  }

  #control(control: HubControl): void {
    if (this.#requests.heard(control)) return;
    switch (control.type) {
      case 'welcome':
        return this.#welcome(control);
      case 'gap':
        this.#place.gap(control);
        return this.#unread.remark(() => this.#listeners.tell('gap', control));
      case 'ping':
        return this.#say({ type: 'pong', id: this.#processedId(control.id) });
      case 'lag':
        return this.#listeners.tell('lag', control);
      case 'error':
        this.#connection.refused(errorOf(control.code, control.message));
        return this.#listeners.tell('error', control);
      case 'bye':
        this.#listeners.tell('bye', control);
        return this.#connection.bye(control);
      default:
        return;
    }
  }

  #welcome(welcome: HubTold['welcome']): void {
    this.#client = welcome.client;
    this.#requests.agreed(welcome.topics);
    const missed = this.#place.welcome(welcome);
    this.#welcomeId = this.#place.since;
    this.#startId ??= this.#welcomeId;
    this.#listeners.tell('welcome', welcome);
    if (welcome.evicted) this.#listeners.tell('evicted', welcome.evicted);
    if (missed) this.#unread.remark(() => this.#listeners.tell('gap', missed));
    const { link } = this.#connection;
    if (link) this.#requests.attach(this.#wire.sender(link, welcome.client));
  }

  /** Of the life of the gateway that asks: an event of an earlier one says nothing to it. */
  #processedId(asked: string): string {
    const { processedId } = this.#unread;
    const epochOf = (id: string | null) => parseEventId(id ?? '')?.epoch;
    const ofIt = [processedId, this.#welcomeId].find((id) => epochOf(id) === epochOf(asked));
    return ofIt ?? asked;
  }

  #say(request: HubRequest): void {
    const { link } = this.#connection;
    if (link && this.#client !== undefined) this.#wire.say(link, this.#client, request);
  }

  #finish(end: ConnectionEnd, error: GreenroomError): void {
    const failed = end.cause === 'refused' || end.cause === 'lost';
    this.#requests.end(failed ? error.message : 'the stream has ended');
    this.#wire.end();
    this.#unread.end(failed ? error : undefined);
    this.#listeners.clear();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#ending.resolve(end);
  }
}

/** Nobody has to look at it. */
function quiet(answer: Promise<string>): Promise<void> {
  const done = answer.then(() => undefined);
  done.catch(() => undefined);
  return done;
}
