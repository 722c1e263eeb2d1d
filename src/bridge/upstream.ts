// One connection to an upstream Realtime server. Listens for errors before it connects: an `error` that nobody hears ends
// the process, and every other call with it. Tells of its end exactly once, whatever it was; `close` waits for it.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import WebSocket, { type RawData } from 'ws';
import type { Timer } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { FrameTap } from '../wire/frame-tap.ts';
import { LongText } from '../wire/long-text.ts';
import { ClientFrame, ServerFrame, type WireText } from '../wire/text-frame.ts';
import { writeFrame } from '../wire/write-out.ts';
import { LongSends } from './long-sends.ts';
import { masked, refusalOf, refusedBodyMax } from './refused.ts';
import type { UpText } from './state.ts';

export interface UpstreamAddress {
  /** `ws:` or `wss:`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Texts that must not be shown: keys, which servers like to repeat. */
  readonly secrets: readonly string[];
}

export interface UpstreamHandlers {
  readonly text: (text: string) => void;
  /** A whole text in one frame, before it is made a text of. False: it is to come as a text. */
  readonly frame: (frame: ServerFrame) => boolean;
  /** Anything has come. */
  readonly alive: () => void;
  /** What was sent has been taken: there is room again. */
  readonly taken: () => void;
  /** It never opened, or broke: once, in place of `closed`. */
  readonly failed: (code: 'upstream_refused' | 'upstream_unreachable', message: string) => void;
  readonly closed: (code: number, reason: string) => void;
}

/** A retrieved item has its audio in it. */
const frameBytesMax = 32 * 1024 * 1024;
/** An upstream that refuses is given so long for its reason. */
const reasonMs = 2000;
/** For the answer to our close; the rest of a session's second is its caller's. */
const closeMs = 450;

export class Upstream {
  readonly #socket: WebSocket;
  readonly #scope: Scope;
  readonly #address: UpstreamAddress;
  readonly #handlers: UpstreamHandlers;
  readonly #gone = Promise.withResolvers<void>();
  #state: 'connecting' | 'open' | 'told' = 'connecting';
  #pendingBytes = 0;
  #takenMs: number;
  #below: Socket | undefined;
  readonly #long: LongSends;
  #reasonTimer: Timer | undefined;

  /** Connects. Lives as long as the scope at most. */
  constructor(scope: Scope, address: UpstreamAddress, handlers: UpstreamHandlers) {
    this.#scope = scope;
    this.#address = address;
    this.#handlers = handlers;
    this.#takenMs = scope.clock.now();
    this.#long = new LongSends(scope, () => socket.readyState === WebSocket.OPEN);
    const socket = new WebSocket(address.url, {
      headers: address.headers,
      perMessageDeflate: false,
      maxPayload: frameBytesMax,
      followRedirects: false,
      // What comes is turned into a text either way, which mends what is no UTF-8.
      skipUTF8Validation: true,
      // One frame in a turn of the loop: some thousands of small ones, which come in one piece, are no reason to keep the
      // other calls waiting.
      allowSynchronousEvents: false,
    });
    this.#socket = socket;
    socket.on('error', (error) => this.#failed(error));
    socket.on('upgrade', (response) => {
      this.#below = response.socket;
    });
    socket.on('unexpected-response', (_, response) => this.#refused(response));
    socket.on('open', () => {
      if (this.#state === 'connecting') this.#state = 'open';
      const tap = new FrameTap(ServerFrame.read, (frame) => {
        handlers.alive();
        return this.#state === 'open' && socket.readyState === WebSocket.OPEN && handlers.frame(frame);
      });
      tap.attach(socket);
      handlers.alive();
    });
    socket.on('message', (data: RawData, isBinary: boolean) => {
      handlers.alive();
      if (isBinary || this.#state !== 'open') return;
      const text = data.toString();
      // Errors of every kind, of the session, a response or an item.
      handlers.text(text.includes('"error"') ? this.#masked(text) : text);
    });
    socket.on('pong', () => handlers.alive());
    socket.on('ping', () => handlers.alive());
    socket.on('close', (code, reason) => {
      this.#gone.resolve();
      if (this.#state === 'open') this.#tell(() => handlers.closed(code, this.#masked(reason.toString())));
      else this.#tell(() => handlers.failed('upstream_unreachable', `${this.#name} closed before it opened`));
    });
    scope.defer('upstream', ({ reason, deadline }) => {
      const goneAway = reason === 'server_shutdown';
      return this.#close(goneAway ? 1001 : 1000, Math.min(closeMs, deadline.remainingMs() / 2));
    });
  }

  get state(): 'connecting' | 'open' | 'told' {
    return this.#state;
  }

  /** Bytes that were sent and that the kernel has not taken. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** How long nothing was taken of what waits; 0 when nothing waits. */
  stuckMs(): number {
    return this.#pendingBytes === 0 ? 0 : this.#scope.clock.now() - this.#takenMs;
  }

  send(text: UpText): void {
    if (this.#state !== 'open') return;
    if (this.#pendingBytes === 0) this.#takenMs = this.#scope.clock.now();
    if (text instanceof LongText) return this.#sendLong(text);
    if (this.#long.busy) {
      const waits = `${text}`;
      return this.#long.queue(() => this.#sendNow(waits));
    }
    this.#sendNow(text);
  }

  #sendLong(text: LongText): void {
    if (!this.#below) return;
    this.#pendingBytes += text.length;
    this.#long.send(this.#below, text, (bytes) => this.#taken(bytes));
  }

  #sendNow(text: WireText): undefined {
    if (this.#state !== 'open') return;
    if (text instanceof ClientFrame && this.#below && this.#socket.readyState === WebSocket.OPEN) {
      const { bytes } = text;
      text.remask();
      this.#pendingBytes += bytes.length;
      writeFrame(this.#below, text, () => this.#taken(bytes.length));
      return;
    }
    // As bytes, `ws` masks a copy with the head before it: one write in place of two.
    const frame = Buffer.from(`${text}`);
    this.#pendingBytes += frame.length;
    this.#socket.send(frame, { binary: false }, () => this.#taken(frame.length));
  }

  ping(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  pause(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get #name(): string {
    const { protocol, host, pathname } = new URL(this.#address.url);
    return `upstream ${protocol}//${host}${pathname}`;
  }

  /** A close is sent and given its time; then the connection is ended. What has not opened is ended at once. */
  async #close(code: number, ms: number): Promise<void> {
    this.#state = 'told';
    this.#reasonTimer?.cancel();
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CLOSED) return;
    if (socket.readyState === WebSocket.CONNECTING) {
      socket.terminate();
      return this.#gone.promise;
    }
    socket.resume();
    socket.close(code);
    const late = this.#scope.clock.after(ms, () => socket.terminate());
    await this.#gone.promise;
    late.cancel();
  }

  #taken(bytes: number): void {
    this.#pendingBytes -= bytes;
    this.#takenMs = this.#scope.clock.now();
    this.#handlers.taken();
  }

  #tell(tell: () => void): void {
    if (this.#state === 'told') return;
    this.#state = 'told';
    tell();
  }

  #failed(error: Error): void {
    const { message, code } = error as NodeJS.ErrnoException;
    // An open connection that breaks closes too, with its code.
    if (this.#state === 'open') return;
    const plain = code === 'EPROTO' && /wrong version number|packet length/.test(message);
    const why = plain ? 'it does not speak TLS; is ws: meant?' : message || code || 'no reason given';
    const said = `${this.#name} cannot be reached: ${this.#masked(why)}`;
    this.#tell(() => this.#handlers.failed('upstream_unreachable', said));
  }

  /** The upgrade was answered with something else: its reason is read, within bounds. */
  #refused(response: IncomingMessage): void {
    const parts: Buffer[] = [];
    let bytes = 0;
    const done = () => {
      this.#reasonTimer?.cancel();
      const body = Buffer.concat(parts).toString('utf8').slice(0, refusedBodyMax);
      const why = refusalOf(response.statusCode ?? 0, body);
      this.#tell(() =>
        this.#handlers.failed('upstream_refused', `${this.#name} refused: ${this.#masked(why)}`),
      );
      response.destroy();
      this.#socket.terminate();
    };
    this.#reasonTimer = this.#scope.clock.after(reasonMs, done);
    response.on('data', (part: Buffer) => {
      bytes += part.length;
      parts.push(part);
      if (bytes > refusedBodyMax) done();
    });
    response.on('end', done);
    response.on('error', done);
  }

  #masked(text: string): string {
    return masked(text, this.#address.secrets);
  }
}
