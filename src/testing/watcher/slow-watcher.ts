// A watcher of `/v1/events` that misbehaves as it is told: on a plain connection, so that nobody reads for it.
import { connect as connectTcp, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ErrorCode } from '../../lifecycle/codes.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { HubRequest } from '../../wire/hub.ts';
import { EventLines } from './event-lines.ts';
import { clientFrame, Frames, opcodes } from './frames.ts';
import { type Pace, Pacing } from './pacing.ts';
import { Received, type WatchedControl, type WatchedEvent, type WatcherMessage } from './received.ts';
import { checkedWatcher, checkHow } from './watcher-options.ts';

/**
 * `well`: reads and answers all; `stalled`: reads nothing, whatever the kernel takes for it; `never-ponging`: reads, and
 * answers no ping; `vanishing`: resets its connection at the first event; or reads so many bytes a second.
 */
export type Misbehaviour = Pace | 'never-ponging' | 'vanishing';

export interface SlowWatcherOptions {
  /** Of the gateway: `http://127.0.0.1:7460`, or `https:`. */
  readonly url: string;
  /** Default: all. */
  readonly topics?: readonly string[];
  /** The id of the last event that it has. */
  readonly since?: string;
  /** Its name: by it, it is told why it was sent away. Default: the gateway gives it one. */
  readonly client?: string;
  readonly token?: string;
  /** What else stands in the query: `{ policy: 'skip', snapshot: '1' }`. */
  readonly query?: Readonly<Record<string, string>>;
  /** Default `websocket`. */
  readonly transport?: 'websocket' | 'sse';
  /** From its welcome on. Default `stalled`. */
  readonly how?: Misbehaviour;
  /** Of the request, besides those it needs. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The authority that signed the gateway's certificate, as PEM. */
  readonly ca?: string;
}

/** How a connection ended: the gateway's close code or `bye`; 1006 without either. */
export interface WatcherEnd {
  readonly code: number;
  readonly reason: string;
}

/** Each read takes so much at the most. */
const readBytesMax = 65_536;
const key = 'dGhlIHNhbXBsZSBub25jZQ==';

/**
 * Resolves when it is welcomed (without a welcome: when it is let in), and misbehaves from then on.
 *
 *     await using stuck = await slowWatcher({ url: gateway.url, client: 'stuck', how: 'stalled' });
 *     gateway.gateway.publish('door', { open: true }); // nobody else waits for it
 *     stuck.behave('well'); // reads on
 *
 * @throws GreenroomError `bad_usage`, or with the code and message of the gateway when it does not let it in
 */
export async function slowWatcher(options: SlowWatcherOptions): Promise<SlowWatcher> {
  const watcher = new SlowWatcher(checkedWatcher(options));
  try {
    await watcher.welcomed;
    return watcher;
  } catch (error) {
    await watcher[Symbol.asyncDispose]();
    throw error;
  }
}

export class SlowWatcher implements AsyncDisposable {
  /** @internal */
  readonly welcomed: Promise<void>;
  /** Resolves when its connection has ended, which who reads nothing does not see. */
  readonly ended: Promise<WatcherEnd>;
  readonly #options: SlowWatcherOptions;
  readonly #socket: Socket;
  readonly #received = new Received();
  readonly #pacing: Pacing;
  readonly #welcomed = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<WatcherEnd>();
  readonly #lines = new EventLines();
  readonly #frames = new Frames();
  #state: 'dialling' | 'refused' | 'open' | 'closed' = 'dialling';
  #how: Misbehaviour;
  #head = Buffer.alloc(0);
  #closed: WatcherEnd | undefined;
  #client: string | undefined;

  /** @internal Use `slowWatcher`. */
  constructor(options: SlowWatcherOptions) {
    this.#options = options;
    this.#how = options.how ?? 'stalled';
    this.#client = options.client;
    this.welcomed = this.#welcomed.promise;
    this.ended = this.#ended.promise;
    const { protocol, hostname, port } = new URL(options.url);
    const rate = typeof this.#how === 'object' ? this.#how.bytesPerSecond / 8 : readBytesMax;
    const buffer = Buffer.alloc(Math.min(readBytesMax, Math.max(64, Math.round(rate))));
    const onread: OnReadOpts = { buffer, callback: (count) => this.#read(buffer.subarray(0, count)) };
    const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), onread };
    const { ca } = options;
    this.#socket =
      protocol === 'https:'
        ? connectTls({ ...address, ...(ca !== undefined && { ca }) })
        : connectTcp(address);
    this.#pacing = new Pacing(this.#socket);
    this.#socket.write(this.#request());
    this.#socket.on('error', (error) => this.#welcomed.reject(error));
    this.#socket.on('end', () => this.#socket.end());
    this.#socket.on('close', () => this.#over());
  }

  /** Everything that was read, in order. */
  get messages(): readonly WatcherMessage[] {
    return this.#received.messages;
  }

  get events(): readonly WatchedEvent[] {
    return this.#received.events;
  }

  get controls(): readonly WatchedControl[] {
    return this.#received.controls;
  }

  /** When each sign of life came (a ping, or a comment), on `performance.now()`. */
  get pings(): readonly number[] {
    return this.#received.pings;
  }

  /** Its name, once it is welcomed. */
  get client(): string {
    return this.#client ?? '';
  }

  /** The last event that it has read: what it comes back with. */
  get lastId(): string | undefined {
    return this.events.at(-1)?.id ?? this.#options.since;
  }

  /** How its connection ended, as far as it knows. */
  get closed(): WatcherEnd | undefined {
    return this.#state === 'closed' ? this.#closed : undefined;
  }

  control<Type extends WatchedControl['type']>(
    type: Type,
  ): Extract<WatchedControl, { type: Type }> | undefined {
    return this.#received.control(type);
  }

  /** From now on. `well` reads on after a stall. */
  behave(how: Misbehaviour): void {
    checkHow(how, this.#options);
    this.#how = how;
    this.#pacing.turn(paceOf(how));
  }

  /** Over its WebSocket, or as a post; resolves when it is on its way. */
  async send(request: HubRequest | string): Promise<void> {
    const text = typeof request === 'string' ? request : JSON.stringify(request);
    if (this.#options.transport !== 'sse') return this.write(clientFrame(opcodes.text, text));
    const { url, token } = this.#options;
    const response = await fetch(`${url}/v1/events/clients/${this.client}`, {
      method: 'POST',
      body: text,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
  }

  /** Any bytes. */
  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Its end, without a word: a reset, where there is no TLS. */
  reset(): void {
    if (this.#options.url.startsWith('https:')) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Who waits for its welcome is told by the call that made it.
    this.#welcomed.promise.catch(() => undefined);
    this.#socket.destroy();
    await this.ended;
  }

  #request(): string {
    const { topics, since, client, token, query, transport, headers, url } = this.#options;
    const asked = new URLSearchParams(query);
    if (topics) asked.set('topics', topics.join(','));
    if (since !== undefined) asked.set('since', since);
    if (client !== undefined) asked.set('client', client);
    const own =
      transport === 'sse'
        ? { accept: 'text/event-stream' }
        : {
            ...{ connection: 'Upgrade', upgrade: 'websocket' },
            ...{ 'sec-websocket-version': '13', 'sec-websocket-key': key },
          };
    const all = {
      host: new URL(url).host,
      ...own,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return `GET /v1/events?${asked} HTTP/1.1\r\n${lines.join('')}\r\n`;
  }

  /** Returns whether more may be read now. */
  #read(bytes: Buffer): boolean {
    if (this.#state === 'open') this.#take(bytes);
    else this.#takeHead(bytes);
    return this.#pacing.took(bytes.length);
  }

  #takeHead(bytes: Buffer): void {
    this.#head = Buffer.concat([this.#head, bytes]);
    const at = this.#head.indexOf('\r\n\r\n');
    if (at < 0) return;
    const status = Number(this.#head.toString('latin1', 9, 12));
    if (status !== (this.#options.transport === 'sse' ? 200 : 101)) {
      this.#state = 'refused';
      return;
    }
    this.#state = 'open';
    const rest = this.#head.subarray(at + 4);
    if (this.#isUntold) this.#welcome();
    if (rest.length > 0) this.#take(rest);
  }

  get #isUntold(): boolean {
    const { envelope, control } = this.#options.query ?? {};
    return envelope === 'off' && control !== '1';
  }

  #take(bytes: Buffer): void {
    const atMs = performance.now();
    if (this.#options.transport === 'sse') {
      for (const { event, data, ...rest } of this.#lines.push(bytes))
        this.#add({ text: data, atMs, ...rest }, event === 'control' ? 'control' : 'event');
      while (this.#received.pings.length < this.#lines.comments) this.#received.pings.push(atMs);
    } else for (const { opcode, payload } of this.#frames.push(bytes)) this.#frame(opcode, payload, atMs);
  }

  #add(message: WatcherMessage, kind?: 'control' | 'event'): void {
    this.#received.add(message, kind);
    const bye = this.#received.control('bye');
    if (bye) this.#closed ??= { code: bye.code, reason: bye.reason };
    const welcome = this.#received.control('welcome');
    if (welcome && this.#client !== welcome.client) this.#client = welcome.client;
    if (welcome) this.#welcome();
    if (this.#how === 'vanishing' && this.events.length > 0) this.reset();
  }

  #frame(opcode: number, payload: Buffer, atMs: number): void {
    if (opcode === opcodes.text) this.#add({ text: payload.toString(), atMs });
    if (opcode === opcodes.ping) {
      this.#received.pings.push(atMs);
      if (this.#how !== 'never-ponging') this.write(clientFrame(opcodes.pong, payload));
    }
    if (opcode !== opcodes.close) return;
    const code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
    this.#closed = { code, reason: payload.toString('utf8', 2) };
    this.#socket.end(clientFrame(opcodes.close, payload.subarray(0, 2)));
  }

  /** From now on it misbehaves. */
  #welcome(): void {
    this.#welcomed.resolve();
    this.#pacing.turn(paceOf(this.#how));
  }

  #over(): void {
    this.#pacing.stop();
    if (this.#state === 'refused') this.#welcomed.reject(refusal(this.#head.toString()));
    this.#welcomed.reject(new Error('the connection ended before there was a welcome'));
    this.#state = 'closed';
    this.#closed ??= { code: 1006, reason: '' };
    this.#ended.resolve(this.#closed);
  }
}

const paceOf = (how: Misbehaviour): Pace => (how === 'never-ponging' || how === 'vanishing' ? 'well' : how);

function refusal(answer: string): Error {
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  try {
    const { code, message } = (JSON.parse(body) as { error: { code: ErrorCode; message: string } }).error;
    return new GreenroomError(code, message);
  } catch (cause) {
    return new Error(`the gateway answered ${answer.slice(0, 200)}`, { cause });
  }
}
