// One connection to a gateway's Realtime endpoint. It owns its socket and timers, and lets go of all of them when it
// is closed, whoever closes it. Whoever connects closes.
//
//     connecting ──open──▶ open ──close() or the server──▶ closing ──▶ closed
//         └── refused, unreachable, late, close() ──▶ closing (asks why) ──▶ closed
//
// `opened` and `closed` may be left unwatched: no rejection of theirs is ever unhandled.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { LobbyNotice } from '../wire/notices.ts';
import { shownUrl } from './address.ts';
import { encodeAudio } from './audio.ts';
import type { ClientEvent, ResponseOptions } from './client-events.ts';
import { EventStream } from './event-stream.ts';
import { type ConnectionEvent, type EventType, readEvent } from './events.ts';
import { type Listener, Listeners } from './listeners.ts';
import { askWhy } from './refusal.ts';
import { type SocketEvent, type SocketLike, socketOpen } from './socket.ts';
import { Timers } from './timers.ts';

/** Normalised: what `connect` makes of its options. */
interface ConnectionParts {
  readonly url: string;
  readonly socket: SocketLike;
  readonly token: string | undefined;
  readonly openTimeoutMs: number;
  readonly closeGraceMs: number;
}

export type ConnectionState = 'connecting' | 'open' | 'closing' | 'closed';

export interface ConnectionEnd {
  /** 1006 where there was no close frame. */
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** Of audio in one append: a piece that no limit of a frame minds. */
const appendSamplesMax = 128 * 1024;
/** An explanation is asked for no longer than this. */
const askMs = 2000;

export class RealtimeConnection implements AsyncIterable<ConnectionEvent>, AsyncDisposable {
  /** For messages: a token in it is hidden. */
  readonly url: string;
  /** Rejects with what could be learnt: `gateway_unreachable`, or the code the gateway refused with. */
  readonly opened: Promise<void>;
  /** Never rejects. */
  readonly closed: Promise<ConnectionEnd>;
  readonly #socket: SocketLike;
  readonly #parts: ConnectionParts;
  readonly #listeners = new Listeners();
  readonly #streams = new Set<EventStream>();
  readonly #opening = Promise.withResolvers<void>();
  readonly #ending = Promise.withResolvers<ConnectionEnd>();
  readonly #timers = new Timers<'open' | 'first' | 'grace' | 'ask'>();
  #state: ConnectionState = 'connecting';
  #lobby: LobbyNotice | null = null;
  /** Frames wait here until whoever awaits `opened` has had its turn, so that nobody misses the first ones. */
  #early: unknown[] | null = [];
  #question: AbortController | undefined;
  #socketError: SocketEvent | undefined;
  #end: Partial<ConnectionEnd> = {};
  #eventCount = 0;

  /** @internal Use `connect`. */
  constructor(parts: ConnectionParts) {
    const { socket, openTimeoutMs } = parts;
    const url = shownUrl(parts.url);
    this.url = url;
    this.#socket = socket;
    this.#parts = parts;
    this.opened = this.#opening.promise;
    this.closed = this.#ending.promise;
    this.opened.catch(() => undefined);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', this.#onOpen);
    socket.addEventListener('message', this.#onMessage);
    socket.addEventListener('error', this.#onError);
    socket.addEventListener('close', this.#onClose);
    this.#timers.set('open', openTimeoutMs, () => {
      const message = `${url} did not answer the upgrade within ${openTimeoutMs} ms`;
      this.#giveUp(new GreenroomError('deadline_exceeded', message, { details: { url, openTimeoutMs } }));
    });
  }

  get state(): ConnectionState {
    // The server's close frame has come, and its end has not.
    if (this.#state === 'open' && this.#socket.readyState !== socketOpen) return 'closing';
    return this.#state;
  }

  /** The last notice of the lobby; null before the first. */
  get lobby(): LobbyNotice | null {
    return this.#lobby;
  }

  /** What was sent and has not left yet. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /**
   * Tells `listener` of every event of a type, or of all with `event`. Whoever listens or iterates right after
   * `connect`, or right after awaiting `opened`, misses nothing.
   *
   * @returns its undo
   */
  on<T extends EventType | 'event'>(type: T, listener: Listener<T>): () => void {
    return this.#state === 'closed' ? () => undefined : this.#listeners.add(type, listener);
  }

  /** Every event from now on; ends when the connection has closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConnectionEvent> {
    const stream = new EventStream((left) => this.#streams.delete(left));
    if (this.#state === 'closed') stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /** Throws `not_ready` before it is open and `scope_closed` after. */
  send(event: ClientEvent): void {
    const { state } = this;
    if (state === 'open') return this.#socket.send(JSON.stringify(event));
    if (state === 'connecting') {
      throw new GreenroomError('not_ready', `cannot send ${event.type}: still connecting; await \`opened\``);
    }
    const { code, reason } = this.#end;
    const why = code === undefined ? '' : ` (${code}${reason ? ` ${reason}` : ''})`;
    throw new GreenroomError('scope_closed', `cannot send ${event.type}: the connection is ${state}${why}`);
  }

  /** Speech: PCM16, mono, 24 kHz. */
  append(pcm: Int16Array): void {
    for (let at = 0; at < pcm.length; at += appendSamplesMax) {
      const audio = encodeAudio(pcm.subarray(at, at + appendSamplesMax));
      this.send({ type: 'input_audio_buffer.append', audio });
    }
  }

  /** What was appended is one turn (push to talk). @returns the event's id, which an `error` about it names */
  commit(): string {
    return this.#sendWithId({ type: 'input_audio_buffer.commit' });
  }

  /** Types a line and asks for the answer. @returns the id of the `response.create` */
  say(text: string): string {
    const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] } as const;
    this.#sendWithId({ type: 'conversation.item.create', item });
    return this.createResponse();
  }

  /** Asks for an answer. @returns the event's id, which an `error` about it names */
  createResponse(response?: ResponseOptions): string {
    return this.#sendWithId({ type: 'response.create', ...(response && { response }) });
  }

  /**
   * Closes, and resolves when it is closed: at the latest when the server has had its time to answer. Idempotent.
   *
   * @param code 1000, or 3000 to 4999
   */
  close(code = 1000, reason = ''): Promise<ConnectionEnd> {
    if (code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new GreenroomError('bad_usage', `close code ${code}: a client may use 1000 and 3000 to 4999`);
    }
    this.#question?.abort();
    if (this.#state === 'connecting') {
      this.#giveUp(new GreenroomError('cancelled', `${this.url}: closed before it was open`));
    } else if (this.#state === 'open') this.#shut(code, reason);
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #sendWithId(event: ClientEvent): string {
    this.#eventCount += 1;
    const id = `client_${this.#eventCount}`;
    this.send({ ...event, event_id: id });
    return id;
  }

  readonly #onOpen = () => {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#timers.cancel('open');
    this.#opening.resolve();
    this.#timers.set('first', 0, () => this.#tellEarly());
  };

  readonly #onMessage = ({ data }: SocketEvent) => {
    if (this.#early) this.#early.push(data);
    else this.#tell(data);
  };

  readonly #onError = (event: SocketEvent) => {
    this.#socketError ??= event;
  };

  readonly #onClose = (event: SocketEvent) => {
    const { code = 1006, reason = '', wasClean = false } = event;
    this.#end = { code, reason, wasClean, ...this.#end };
    if (this.#state === 'connecting') void this.#explain();
    else this.#finish();
  };

  #tell(data: unknown): void {
    const event = readEvent(data);
    if (event.type === 'greenroom.lobby') this.#lobby = event;
    this.#listeners.tell(event);
    const characters = typeof data === 'string' ? data.length : 0;
    for (const stream of this.#streams) stream.push(event, characters);
  }

  #tellEarly(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const data of early) this.#tell(data);
  }

  async #explain(): Promise<void> {
    this.#state = 'closing';
    this.#timers.cancel('open');
    const said = this.#socketError;
    const question = new AbortController();
    this.#question = question;
    this.#timers.set('ask', askMs, () => question.abort());
    const { url, token } = this.#parts;
    const hint = typeof said?.message === 'string' ? said.message : '';
    // A socket that has read the refusal itself hands it over as its error.
    const known = said?.error instanceof GreenroomError ? said.error : undefined;
    const why = known ?? (await askWhy({ socketUrl: url, token, hint, signal: question.signal }));
    this.#opening.reject(why);
    this.#finish();
  }

  /** While connecting. */
  #giveUp(why: GreenroomError): void {
    this.#timers.cancel('open');
    this.#opening.reject(why);
    this.#end = { code: 1006, reason: why.message };
    this.#shut();
  }

  #shut(code?: number, reason?: string): void {
    const { closeGraceMs } = this.#parts;
    this.#state = 'closing';
    this.#socket.close(code, reason);
    this.#timers.set('grace', closeGraceMs, () => {
      this.#end = {
        code: 1006,
        reason: `the close was not answered within ${closeGraceMs} ms`,
        ...this.#end,
      };
      // It tells its own close, and may tell an error before: the listeners stay until then.
      if (this.#socket.terminate) this.#socket.terminate();
      else this.#finish();
    });
  }

  #finish(): void {
    if (this.#state === 'closed') return;
    this.#tellEarly();
    this.#state = 'closed';
    this.#timers.cancelAll();
    this.#socket.removeEventListener('open', this.#onOpen);
    this.#socket.removeEventListener('message', this.#onMessage);
    this.#socket.removeEventListener('error', this.#onError);
    this.#socket.removeEventListener('close', this.#onClose);
    this.#listeners.clear();
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
    const { code = 1006, reason = '', wasClean = false } = this.#end;
    this.#ending.resolve({ code, reason, wasClean });
  }
}
