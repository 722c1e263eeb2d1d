// What one caller has been sent and has not taken yet, counted in bytes. Slowness is age, not size: a caller that takes
// something now and then may be behind by all it asked for; one that takes nothing for ten seconds is given up, so that
// it holds nobody's memory and no engine. The kernel hides what a caller takes (it says that there is room again only
// when a third of its megabytes is free): so pings go along with the data, and their pongs tell.
//
// What a caller that has come back is to know first may be long: it goes out as there is room, and what comes meanwhile
// stands behind it, so that everything is told once and in order.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { NewId } from '../wire/ids.ts';
import type { JsonObject } from '../wire/json.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { WireText } from '../wire/text-frame.ts';
import type { Transport } from './transport.ts';

type OutEvent = ServerEvent | JsonObject;

export interface OutboxOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly newId: NewId;
  /** With more than this unread it is full: its caller is not listened to. Answers stop being made at three quarters. */
  readonly bytesMax: number;
  /** The caller has taken something. */
  readonly onTaken: () => void;
  /** It was full and is not any more. */
  readonly onRoom: () => void;
  /** The caller has taken nothing for so long. Told once. */
  readonly onSlow: (silentMs: number, pendingBytes: number) => void;
}

const slowMs = 10_000;
/** Of a caller that is not listened to, and whose pongs may not be seen. */
const slowUnheardMs = 30_000;
const answerShare = 0.75;
/** A caller that hears speech as it is spoken, in G.711, reads as much in six seconds. */
const probeBytes = 64 * 1024;

export class Outbox {
  readonly #options: OutboxOptions;
  #pendingBytes = 0;
  #takenMs = 0;
  #unprobedBytes = 0;
  #watch: Timer | undefined;
  #state: 'open' | 'full' | 'closed' = 'open';
  #waiting: (() => void)[] = [];
  /** Not sent yet, in order: what goes first, and what has come since. */
  #behind: readonly (OutEvent | string)[] = [];
  #catching: 'off' | 'on' = 'off';

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get full(): boolean {
    return this.#state === 'full';
  }

  send(event: OutEvent): void {
    if (this.#behind.length > 0) this.#behind = [...this.#behind, event];
    else if (this.#state !== 'closed') this.#write(this.#textOf(event));
  }

  /** A whole event, as it is to travel. */
  pass(text: WireText): void {
    // A frame is a view of what was read, and is gone in the next turn.
    if (this.#behind.length > 0) this.#behind = [...this.#behind, `${text}`];
    else if (this.#state !== 'closed') this.#write(text);
  }

  /** Before everything that comes from now on. */
  sendFirst(events: readonly OutEvent[]): void {
    if (this.#state === 'closed') return;
    this.#behind = [...this.#behind, ...events];
    this.#catchUp();
    if (this.#behind.length > 0) this.#state = 'full';
  }

  #textOf(event: OutEvent): string {
    return JSON.stringify({ event_id: this.#options.newId('event'), ...event });
  }

  #write(text: WireText): void {
    const { transport, bytesMax, clock } = this.#options;
    // Base64 and JSON are ASCII but for what people say: close enough, and free.
    const bytes = text.length;
    if (this.#pendingBytes === 0) this.#takenMs = clock.now();
    this.#pendingBytes += bytes;
    if (this.#pendingBytes > bytesMax) this.#state = 'full';
    if (!this.#watch) this.#arm(slowMs);
    transport.send(text, () => this.#flushed(bytes));
    this.#unprobedBytes += bytes;
    if (this.#unprobedBytes < probeBytes) return;
    this.#unprobedBytes = 0;
    transport.ping();
  }

  /** The caller has read some of it. */
  taken(): void {
    this.#takenMs = this.#options.clock.now();
  }

  /** Resolves when there is room for more of an answer, or when nothing more will be sent. */
  room(signal: AbortSignal): Promise<void> {
    if (this.#hasRoom() || this.#state === 'closed' || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#waiting.push(done);
    });
  }

  close(): void {
    this.#state = 'closed';
    this.#behind = [];
    this.#watch?.cancel();
    this.#wake();
  }

  #hasRoom(): boolean {
    return this.#behind.length === 0 && this.#isBelow(answerShare);
  }

  #isBelow(share: number): boolean {
    return this.#pendingBytes < this.#options.bytesMax * share;
  }

  /** As far as there is room: one event may be as large as it likes. */
  #catchUp(): void {
    // What is written to a connection that has ended comes back at once, from within.
    if (this.#catching === 'on') return;
    this.#catching = 'on';
    let sent = 0;
    for (let next = this.#behind[0]; next !== undefined && this.#isBelow(answerShare); ) {
      this.#write(typeof next === 'string' ? next : this.#textOf(next));
      next = this.#behind[(sent += 1)];
    }
    this.#behind = this.#behind.slice(sent);
    this.#catching = 'off';
  }

  #flushed(bytes: number): void {
    const { onTaken, onRoom } = this.#options;
    this.#pendingBytes -= bytes;
    if (this.#state === 'closed') return;
    this.taken();
    onTaken();
    if (this.#behind.length > 0) this.#catchUp();
    if (!this.#hasRoom()) return;
    this.#wake();
    if (this.#state !== 'full') return;
    this.#state = 'open';
    onRoom();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }

  #arm(ms: number): void {
    const { clock } = this.#options;
    const dueMs = clock.now() + ms;
    this.#watch = clock.after(ms, () => this.#look(clock.now() - dueMs), { ref: false });
  }

  #look(lateMs: number): void {
    this.#watch = undefined;
    if (this.#pendingBytes === 0 || this.#state === 'closed') return;
    // Our own stall is not the caller's: it gets as long again.
    if (lateMs > slowMs / 4) this.#takenMs = this.#options.clock.now();
    const silentMs = this.#options.clock.now() - this.#takenMs;
    const limitMs = this.#state === 'full' ? slowUnheardMs : slowMs;
    if (silentMs < limitMs) return this.#arm(limitMs - silentMs);
    this.#options.onSlow(Math.round(silentMs), this.#pendingBytes);
  }
}
