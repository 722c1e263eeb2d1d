// A gateway's ring and its network in virtual time, for one watcher: cut off, restarted, doubled, too short, too slow.
// It begins a watcher's replay as the wire says.
import type { SocketClass, SocketEvent, SocketEventType, SocketLike } from '../../../src/client/socket.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { type GapFacts, type HubRequest, parseEventId } from '../../../src/wire/hub.ts';

const latencyMs = 3;

export class SimHub {
  readonly clock: VirtualClock;
  /** Of every life, what was published. */
  readonly published: string[] = [];
  readonly dialled: URL[] = [];
  readonly received: HubRequest[] = [];
  state: 'up' | 'down' | 'refusing' = 'up';
  #life = 1;
  #head = 0;
  /** Older ones are no longer in the ring. */
  #first = 1;
  sockets: SimHubSocket[] = [];

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  get epoch(): string {
    return `e${this.#life}`;
  }

  get head(): string {
    return `${this.epoch}.${this.#head}`;
  }

  get Socket(): SocketClass {
    const hub = this;
    return class extends SimHubSocket {
      constructor(url: string) {
        super(hub, new URL(url));
      }
    };
  }

  publish(count: number): void {
    for (let made = 0; made < count; made += 1) {
      this.#head += 1;
      this.published.push(this.head);
      for (const socket of this.sockets) socket.tell(this.#event(this.#head));
    }
  }

  /** The ring keeps no more than the newest. */
  shrink(keeps: number): void {
    this.#first = Math.max(this.#first, this.#head - keeps + 1);
  }

  cut(): void {
    for (const socket of this.sockets) socket.end({ type: 'close', code: 1006, reason: '', wasClean: false });
  }

  /** One that nobody is told of: it just says nothing any more. */
  mute(): void {
    for (const socket of this.sockets) socket.muted = true;
  }

  leave(code: number, retryMs: number | null): void {
    for (const socket of this.sockets) {
      socket.tell({ type: 'bye', code, reason: 'simulated', retryMs });
      this.clock.after(latencyMs, () =>
        socket.end({ type: 'close', code, reason: 'simulated', wasClean: true }),
      );
    }
  }

  /** Another life: everything before is gone. */
  restart(): void {
    this.cut();
    this.#life += 1;
    this.#head = 0;
    this.#first = 1;
  }

  /** Tells some of the newest events again. */
  double(count: number): void {
    const from = Math.max(this.#first, this.#head - count + 1);
    for (const socket of this.sockets)
      for (let seq = from; seq <= this.#head; seq += 1) socket.tell(this.#event(seq));
  }

  /** The watcher is slow, and some events are left out for it. */
  skip(count: number): void {
    const from = `${this.epoch}.${this.#head + 1}`;
    for (let made = 0; made < count; made += 1) {
      this.#head += 1;
      this.published.push(this.head);
    }
    if (count > 0)
      for (const socket of this.sockets)
        socket.tell({ type: 'gap', from, to: this.head, count, reason: 'slow' });
  }

  greet(socket: SimHubSocket, url: URL): void {
    const since = url.searchParams.get('since');
    const { cursor, gap } = this.#beginning(since);
    socket.tell({
      ...{ type: 'welcome', epoch: this.epoch, head: this.head, client: 'sim', topics: ['>'] },
      ...(since !== null && { recovered: !gap }),
      ...(gap && { gap }),
    });
    for (let seq = cursor + 1; seq <= this.#head; seq += 1) socket.tell(this.#event(seq));
  }

  #beginning(since: string | null): { readonly cursor: number; readonly gap?: GapFacts } {
    if (since === null) return { cursor: this.#head };
    const id = parseEventId(since);
    const lost = (cursor: number, reason: GapFacts['reason'], from: string) => ({
      cursor,
      gap: { from, to: `${this.epoch}.${cursor}`, count: null, reason },
    });
    if (id?.epoch !== this.epoch) return lost(this.#first - 1, 'epoch', since);
    if (id.seq > this.#head) return lost(this.#head, 'ahead', since);
    if (id.seq >= this.#first - 1) return { cursor: id.seq };
    return lost(this.#first - 1, 'expired', `${this.epoch}.${id.seq + 1}`);
  }

  #event(seq: number): object {
    return { id: `${this.epoch}.${seq}`, topic: 'a', ts: 1, data: seq };
  }
}

export class SimHubSocket implements SocketLike {
  binaryType = '';
  readyState = 0;
  readonly bufferedAmount = 0;
  muted = false;
  readonly #hub: SimHub;
  readonly #listeners = new Map<SocketEventType, Set<(event: SocketEvent) => void>>();

  constructor(hub: SimHub, url: URL) {
    this.#hub = hub;
    hub.dialled.push(url);
    hub.clock.after(latencyMs, () => this.#open(url));
  }

  send(data: string): void {
    if (this.readyState !== 1) throw new Error('sent on a socket that is not open');
    this.#hub.received.push(JSON.parse(data) as HubRequest);
  }

  close(code = 1000): void {
    if (this.readyState === 3) return;
    this.readyState = 2;
    this.#hub.clock.after(latencyMs, () => this.end({ type: 'close', code, reason: '', wasClean: true }));
  }

  terminate(): void {
    this.end({ type: 'close', code: 1006, reason: '', wasClean: false });
  }

  addEventListener(type: SocketEventType, listener: (event: SocketEvent) => void): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }

  removeEventListener(type: SocketEventType, listener: (event: SocketEvent) => void): void {
    this.#listeners.get(type)?.delete(listener);
  }

  tell(message: object): void {
    const data = JSON.stringify(message);
    this.#hub.clock.after(latencyMs, () => {
      if (this.readyState !== 3 && !this.muted) this.#hear({ type: 'message', data });
    });
  }

  end(close: SocketEvent): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#hub.sockets = this.#hub.sockets.filter((other) => other !== this);
    this.#hub.clock.after(0, () => this.#hear(close));
  }

  #open(url: URL): void {
    if (this.readyState !== 0) return;
    const { state } = this.#hub;
    if (state !== 'up') {
      const error =
        state === 'down'
          ? new GreenroomError('gateway_unreachable', 'nobody there')
          : new GreenroomError('unauthorized', 'not you', { details: { status: 401 } });
      this.#hear({ type: 'error', error });
      return this.end({ type: 'close', code: 1006, reason: '', wasClean: false });
    }
    this.readyState = 1;
    this.#hub.sockets.push(this);
    this.#hear({ type: 'open' });
    this.#hub.greet(this, url);
  }

  #hear(event: SocketEvent): void {
    for (const listener of [...(this.#listeners.get(event.type as SocketEventType) ?? [])]) listener(event);
  }
}
