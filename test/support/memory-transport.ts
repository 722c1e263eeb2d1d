// A caller's connection without a socket: what is sent is kept, and the test decides when it is flushed, when the peer
// speaks, answers a close, or is gone.
import type { Transport, TransportHandlers } from '../../src/sessions/transport.ts';
import type { WireText } from '../../src/wire/text-frame.ts';

export class MemoryTransport implements Transport {
  readonly remote = 'memory';
  readonly sent: { readonly type: string; readonly [key: string]: unknown }[] = [];
  /** `reads`: takes everything at once, answers a close. `stalled`: neither. */
  peer: 'reads' | 'stalled' = 'reads';
  /** Whether the gateway reads from it. */
  reading: 'on' | 'paused' = 'on';
  closes = 0;
  /** By the gateway. */
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  terminations = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #handlers: TransportHandlers | undefined;
  #unflushed: (() => void)[] = [];

  get state(): 'open' | 'closing' | 'closed' {
    return this.#state;
  }

  listen(handlers: TransportHandlers): void {
    if (this.#handlers) throw new Error('somebody listens already');
    this.#handlers = handlers;
  }

  send(text: WireText, onFlushed: () => void): void {
    if (this.#state !== 'open') return onFlushed();
    this.sent.push(JSON.parse(`${text}`) as { type: string });
    if (this.peer === 'reads') queueMicrotask(onFlushed);
    else this.#unflushed.push(onFlushed);
  }

  pause(): void {
    this.reading = 'paused';
  }

  resume(): void {
    this.reading = 'on';
  }

  /** The peer takes what waits, the oldest first. */
  takes(count = Number.POSITIVE_INFINITY): void {
    for (const flushed of this.#unflushed.splice(0, count)) flushed();
  }

  /** An answer to one of our pings arrives. */
  pongs(): void {
    this.#handlers?.alive('pong');
  }

  ping(): void {
    if (this.peer === 'reads' && this.#state === 'open') queueMicrotask(() => this.#handlers?.alive('pong'));
  }

  close(code: number, reason: string): void {
    this.closes += 1;
    if (this.#state !== 'open') return;
    this.closedWith = { code, reason };
    this.#state = 'closing';
    if (this.peer === 'reads') queueMicrotask(() => this.gone(1000));
  }

  terminate(): void {
    this.terminations += 1;
    this.gone(1006);
  }

  /** The caller says something. */
  says(event: object): void {
    if (this.#state !== 'closed') this.#handlers?.text(JSON.stringify(event));
  }

  /** The connection has ended, from whichever side. */
  gone(code = 1006): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const flushed of this.#unflushed.splice(0)) flushed();
    this.#handlers?.closed(code, '');
  }

  /** As the caller was told. */
  get sessionId(): string {
    const [created] = this.all('session.created');
    return String((created?.['session'] as { readonly id?: string } | undefined)?.id);
  }

  all(type: string) {
    return this.sent.filter((event) => event.type === type);
  }
}
