// A caller on a real WebSocket: keeps every event, and waits for those it is asked for.
import WebSocket from 'ws';
import { until } from './poll.ts';

export interface WireEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

export class Caller implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly events: WireEvent[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => this.events.push(JSON.parse(String(data)) as WireEvent));
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
  }

  /** `query` is what stands after `/v1/realtime`. Rejects when the upgrade is refused. */
  static async call(url: string, query = '?notices=1', protocols = ['realtime']): Promise<Caller> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/realtime${query}`, protocols);
    const caller = new Caller(socket);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return caller;
  }

  send(event: object): void {
    this.socket.send(JSON.stringify(event));
  }

  say(text: string): void {
    this.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
    });
    this.send({ type: 'response.create' });
  }

  all(type: string): readonly WireEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  event(
    type: string,
    fits: (event: WireEvent) => boolean = () => true,
    timeoutMs = 20_000,
  ): Promise<WireEvent> {
    return until(() => this.events.find((event) => event.type === type && fits(event)), {
      timeoutMs,
      what: () =>
        `event ${type} (so far: ${this.events.map((event) => event.type).join(' ')}, closed: ${JSON.stringify(this.closed)})`,
    });
  }

  /** Waits without reading, then reads for a moment: a slow line. */
  async read(waitMs: number): Promise<void> {
    const began = performance.now();
    await until(() => performance.now() - began > waitMs, { timeoutMs: waitMs + 1000, what: 'the pause' });
    const before = this.events.length;
    this.socket.resume();
    await until(() => this.events.length > before || this.closed, {
      timeoutMs: 5000,
      what: 'something to read',
    });
  }

  lobby(state: string): Promise<WireEvent> {
    return this.event('greenroom.lobby', (event) => event['state'] === state);
  }

  ended(timeoutMs = 10_000): Promise<{ readonly code: number; readonly reason: string }> {
    return until(() => this.closed, { timeoutMs, what: 'the connection to close' });
  }

  /** Samples at 24 kHz of all answers so far. */
  get samples(): number {
    const deltas = this.all('response.output_audio.delta');
    return deltas.reduce((sum, event) => sum + Buffer.from(String(event['delta']), 'base64').length / 2, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await until(() => this.socket.readyState === WebSocket.CLOSED, {
      timeoutMs: 5000,
      what: 'the socket to close',
    });
  }
}
