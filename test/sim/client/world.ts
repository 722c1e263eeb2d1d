// A gateway and its network in virtual time, for one client: it can be cut off, be down, refuse, be slow to take what
// it is sent, and it counts what arrives.
import { decodeAudio } from '../../../src/client/audio.ts';
import type { ClientEvent, SessionUpdate } from '../../../src/client/client-events.ts';
import type { SocketClass, SocketEvent, SocketEventType, SocketLike } from '../../../src/client/socket.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts';

/** `one`: a conversation outlives its connections. `each`: every connection begins a new one. */
export type Conversations = 'one' | 'each';

const latencyMs = 5;

export class SimGateway {
  readonly clock: VirtualClock;
  readonly conversations: Conversations;
  /** Texts of the items, one list for each conversation. */
  readonly items: string[][] = [];
  readonly questions: string[] = [];
  /** What the last session was told, and did not refuse. */
  session: SessionUpdate = {};
  audioBytes = 0;
  /** The first sample of each piece of speech, as they came. */
  readonly pieces: number[] = [];
  /** Frames that were sent by a client that knew its gateway to be leaving. */
  late: string[] = [];
  state: 'up' | 'down' = 'up';
  /** What a socket has not taken yet, as it says. */
  congestion = 0;
  sockets: SimSocket[] = [];
  aliveMax = 0;

  constructor(clock: VirtualClock, conversations: Conversations) {
    this.clock = clock;
    this.conversations = conversations;
  }

  get Socket(): SocketClass {
    const gateway = this;
    return class extends SimSocket {
      constructor() {
        super(gateway);
      }
    };
  }

  cut(): void {
    for (const socket of this.sockets) socket.end({ type: 'close', code: 1006, reason: '', wasClean: false });
  }

  closeWith(code: number): void {
    for (const socket of this.sockets)
      socket.end({ type: 'close', code, reason: 'simulated', wasClean: true });
  }

  /** Says goodbye, and goes later; or never. */
  leave(afterMs: number | 'never'): void {
    for (const socket of this.sockets) {
      const message = 'the gateway is leaving';
      socket.tell({ type: 'greenroom.notice', code: 'server_shutdown', message, retry_ms: 10 });
      if (afterMs === 'never') continue;
      this.clock.after(afterMs, () =>
        socket.end({ type: 'close', code: 1001, reason: 'simulated', wasClean: true }),
      );
    }
  }

  greet(socket: SimSocket): void {
    if (this.conversations === 'each' || this.items.length === 0) this.items.push([]);
    this.session = {};
    socket.tell({ type: 'session.created', session: { id: 'sess' } });
  }

  take(event: ClientEvent, socket: SimSocket): void {
    if (event.type === 'input_audio_buffer.append') {
      const pcm = decodeAudio(event.audio);
      this.audioBytes += pcm.byteLength;
      this.pieces.push(pcm[0] ?? -1);
    }
    if (event.type === 'session.update') this.#update(event, socket);
    if (event.type === 'response.create') this.questions.push(event.event_id ?? '');
    if (event.type !== 'conversation.item.create' || event.item.type !== 'message') return;
    const [part] = event.item.content;
    const text = part && 'text' in part ? part.text : '';
    const items = this.items.at(-1) ?? [];
    if (items.includes(text)) {
      const error = { code: 'item_create_duplicate_item_id', message: 'exists', event_id: event.event_id };
      return socket.tell({ type: 'error', error });
    }
    items.push(text);
    socket.tell({ type: 'conversation.item.added', previous_item_id: null, item: { id: event.item.id } });
  }

  /** Refuses what asks for another type. */
  #update({ session, event_id }: ClientEvent & { readonly type: 'session.update' }, socket: SimSocket): void {
    if (session.type !== undefined) {
      return socket.tell({
        type: 'error',
        error: { code: 'invalid_value', message: 'no such type', event_id },
      });
    }
    this.session = { ...this.session, ...session };
    socket.tell({ type: 'session.updated', session: this.session });
  }
}

export class SimSocket implements SocketLike {
  binaryType = '';
  readyState = 0;
  readonly #gateway: SimGateway;
  #goodbye: 'none' | 'heard' = 'none';
  readonly #listeners = new Map<SocketEventType, Set<(event: SocketEvent) => void>>();

  constructor(gateway: SimGateway) {
    this.#gateway = gateway;
    gateway.sockets.push(this);
    gateway.aliveMax = Math.max(gateway.aliveMax, gateway.sockets.length);
    gateway.clock.after(latencyMs, () => this.#open());
  }

  get bufferedAmount(): number {
    return this.#gateway.congestion;
  }

  send(data: string): void {
    if (this.readyState !== 1) throw new Error('sent on a socket that is not open');
    if (this.#goodbye === 'heard') this.#gateway.late.push(data);
    this.#gateway.clock.after(latencyMs, () => {
      if (this.readyState !== 3) this.#gateway.take(JSON.parse(data) as ClientEvent, this);
    });
  }

  close(code = 1000): void {
    if (this.readyState === 3) return;
    this.readyState = 2;
    this.#gateway.clock.after(latencyMs, () => this.end({ type: 'close', code, reason: '', wasClean: true }));
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

  tell(event: object): void {
    this.#gateway.clock.after(latencyMs, () => {
      if (this.readyState === 3) return;
      this.#hear({ type: 'message', data: JSON.stringify(event) });
      if ('code' in event && event.code === 'server_shutdown') this.#goodbye = 'heard';
    });
  }

  end(close: SocketEvent): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#gateway.sockets = this.#gateway.sockets.filter((other) => other !== this);
    this.#gateway.clock.after(0, () => this.#hear(close));
  }

  #open(): void {
    if (this.readyState !== 0) return;
    if (this.#gateway.state === 'down') {
      const error = new GreenroomError('gateway_unreachable', 'nobody there');
      this.#hear({ type: 'error', error });
      return this.end({ type: 'close', code: 1006, reason: '', wasClean: false });
    }
    this.readyState = 1;
    this.#hear({ type: 'open' });
    this.#gateway.greet(this);
  }

  #hear(event: SocketEvent): void {
    for (const listener of [...(this.#listeners.get(event.type as SocketEventType) ?? [])]) listener(event);
  }
}
