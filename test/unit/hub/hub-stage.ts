// A hub in virtual time, with connections of memory that take as much as they are told to.

import type { Form } from '../../../src/hub/frames.ts';
import { Hub, type HubOptions, type Watch } from '../../../src/hub/hub.ts';
import { Interest } from '../../../src/hub/interest.ts';
import type { Subscriber } from '../../../src/hub/subscriber.ts';
import type { Closing, Transport, TransportHandlers } from '../../../src/hub/transport.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import type { HubControl, HubEvent } from '../../../src/wire/hub.ts';

export type Message = HubEvent | HubControl;

export const isEvent = (message: Message): message is HubEvent => 'id' in message && !('type' in message);

/** What a WebSocket of a server would send, taken apart again, as far as it is whole. */
function messagesOf(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = bytes[at + 1] ?? 0;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + header > bytes.length) break;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    if (at + header + length > bytes.length) break;
    messages.push(JSON.parse(bytes.toString('utf8', at + header, at + header + length)));
    at += header + length;
  }
  return messages;
}

export class MemoryConnection implements Transport {
  readonly form: Form;
  readonly remote = 'memory';
  readonly answers: boolean;
  /** What came out at the other end. */
  got = Buffer.alloc(0);
  readonly probes: string[] = [];
  keepalives = 0;
  closing: { readonly code: number; readonly reason: string } | undefined;
  /** Times that something was given while it was full: must stay 0. */
  overfed = 0;
  /** Bytes that the other end takes before it stops; then what it is given waits. */
  room = Number.POSITIVE_INFINITY;
  readonly #highWater: number;
  #pending: Buffer[] = [];
  #asked: string[] = [];
  #needsDrain = false;
  #handlers: TransportHandlers | undefined;
  #state: 'open' | 'closed' = 'open';

  constructor(form: Form = 'websocket', highWater = 64 * 1024, answers = true) {
    this.form = form;
    this.answers = answers && form.startsWith('websocket');
    this.#highWater = highWater;
  }

  get pendingBytes(): number {
    return this.#pending.reduce((sum, { length }) => sum + length, 0);
  }

  get full(): boolean {
    return this.#needsDrain;
  }

  get messages(): readonly Message[] {
    return messagesOf(this.got);
  }

  get events(): readonly HubEvent[] {
    return this.messages.filter(isEvent);
  }

  get controls(): readonly HubControl[] {
    return this.messages.filter((message): message is HubControl => !isEvent(message));
  }

  listen(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  give(bytes: Buffer): void {
    if (this.#needsDrain) this.overfed += 1;
    this.#pending.push(bytes);
    this.#take();
    if (this.pendingBytes >= this.#highWater) this.#needsDrain = true;
  }

  /** The other end takes so many bytes more. */
  read(bytes: number): void {
    this.room += bytes;
    this.#take();
    this.#answer();
    if (!this.#needsDrain || this.#pending.length > 0) return;
    this.#needsDrain = false;
    this.#handlers?.drained();
  }

  stall(): void {
    this.room = 0;
  }

  probe(probe: string): void {
    this.probes.push(probe);
    this.#asked.push(probe);
    this.#answer();
  }

  /** What was asked before has come, and all before that. */
  #answer(): void {
    if (this.room === 0 || this.#pending.length > 0) return;
    for (const probe of this.#asked.splice(0)) this.#handlers?.answered(probe);
  }

  keepalive(): void {
    this.keepalives += 1;
  }

  close({ code, reason, bye }: Closing): void {
    if (bye && !this.closing) this.#pending.push(bye);
    this.closing ??= { code, reason };
    this.#take();
    if (this.room > 0) this.terminate();
  }

  terminate(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#handlers?.closed();
  }

  #take(): void {
    while (this.room > 0) {
      const first = this.#pending.shift();
      if (!first) return;
      const taken = first.subarray(0, this.room);
      this.room -= taken.length;
      this.got = Buffer.concat([this.got, taken]);
      if (taken.length < first.length) this.#pending.unshift(first.subarray(taken.length));
    }
  }
}

const slowLimits = {
  unsent: { warnMs: 1000, actMs: 2000 },
  silent: { warnMs: 2000, actMs: 10_000 },
  keepaliveMs: 20_000,
};

export class HubStage implements Disposable {
  readonly clock = new VirtualClock();
  readonly hub: Hub;
  readonly slow: { readonly client: string; readonly state: string }[] = [];

  constructor(options: Partial<HubOptions> = {}) {
    this.hub = new Hub({
      clock: this.clock,
      epoch: 'e1',
      history: { events: 100_000, bytes: 64 * 1024 * 1024, ageMs: 600_000 },
      limits: slowLimits,
      random: () => 0.5,
      onSlow: ({ client }, { state }) => void this.slow.push({ client, state }),
      ...options,
    });
  }

  publish(topic: string, data: unknown, key: string | null = null): string {
    return this.hub.publish({ topic, key, data: Buffer.from(JSON.stringify(data)) });
  }

  watch(
    { topics = ['>'], ...options }: Partial<Watch> & { readonly topics?: readonly string[] } = {},
    connection = new MemoryConnection(),
  ): { readonly connection: MemoryConnection; readonly subscriber: Subscriber } {
    const subscriber = this.hub.watch({
      ...{
        client: 'w1',
        principal: '',
        transport: connection,
        interest: Interest.of(topics),
        since: undefined,
      },
      ...{ snapshot: false, policy: 'evict', told: true, pings: false },
      ...options,
    });
    return { connection, subscriber };
  }

  deadline(ms: number): Deadline {
    return new Deadline(this.clock, ms);
  }

  [Symbol.dispose](): void {
    this.hub.stop();
  }
}
