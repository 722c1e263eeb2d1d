// One connection to a scripted upstream: what came by it, and what the test has it do.
import type { IncomingHttpHeaders } from 'node:http';
import type { WebSocket } from 'ws';
import { anEvent, aString, check } from '../../client/given.ts';
import type { JsonObject } from '../../wire/json.ts';
import type { Said } from './ledger.ts';
import { UpstreamModel } from './model.ts';
import type { ResponseKind } from './responses.ts';
import { checkedAnswer, stagesRule } from './upstream-options.ts';
import { Waiting } from './waiting.ts';

/** The connection itself, as far as a test needs it. */
export interface UpstreamSocket {
  /** What comes is not read until `resume`. */
  pause(): void;
  resume(): void;
  close(code?: number, reason?: string): void;
  /** Cuts it, without a word. */
  terminate(): void;
}

export class UpstreamConnection {
  /** Of the upgrade. */
  readonly headers: IncomingHttpHeaders;
  /** Path and query of the upgrade. */
  readonly url: string;
  /** @internal */
  readonly model = new UpstreamModel();
  readonly socket: UpstreamSocket;
  /** How it ended; undefined: it has not. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** `held`: what it says stays with it until `flush`. */
  sending: 'on' | 'held' = 'on';
  readonly #waiting = new Waiting();
  readonly #send: (text: string) => void;
  #sent = 0;

  /** @internal Use `scriptedUpstream`. */
  constructor(
    socket: WebSocket,
    { headers, url = '' }: { readonly headers: IncomingHttpHeaders; readonly url?: string | undefined },
    responds: 'at once' | 'told',
  ) {
    this.socket = socket;
    this.#send = (text) => socket.send(text);
    this.headers = headers;
    this.url = url;
    if (headers['openai-beta'] !== undefined) this.model.violate('the header of the beta');
    socket.on('message', (data) => {
      this.#receive(String(data));
      if (responds === 'at once') while (this.model.step() || this.model.step(true));
      this.flush();
      this.#waiting.happened();
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#waiting.happened();
    });
  }

  /** What the next responses are made of. `call`: of the first tool there is, once. Default `speech`. */
  get answers(): ResponseKind {
    return this.model.kind;
  }

  set answers(kind: ResponseKind) {
    this.model.kind = checkedAnswer(kind);
  }

  /** Rules that were broken knowingly, in words. */
  get violations(): readonly string[] {
    return this.model.violations;
  }

  /** Everything that came, or that has this type, in order. */
  received(type?: string): readonly JsonObject[] {
    const { received } = this.model;
    return type === undefined ? received : received.filter((event) => event['type'] === type);
  }

  /** The event of this type, the first or the one with this number. Rejects after 5 s. */
  get(type: string, count = 1): Promise<JsonObject> {
    check('type', type, aString);
    const what = () =>
      `${type} (${count}) upstream (so far: ${this.received()
        .map((event) => event['type'])
        .join(' ')})`;
    return this.#waiting.for(() => this.received(type)[count - 1], what);
  }

  /** The response of the conversation goes on by so many stages: its item, three pieces, its end. */
  step(stages = 1): void {
    check('stages', stages, stagesRule);
    for (let stage = 0; stage < stages; stage += 1) this.model.step();
    this.flush();
  }

  /** A turn that voice activity detection has heard in what was appended, and that it answers. */
  hear(): void {
    this.model.speak();
    this.flush();
  }

  /** Any event. */
  say(event: Said): void {
    check('event', event, anEvent);
    this.model.say(event);
    this.flush();
  }

  /** Says what there is to say. */
  flush(): void {
    if (this.sending === 'held') return;
    for (const { seq, event } of this.model.out.splice(0)) {
      this.#sent = seq;
      this.#send(JSON.stringify(event));
    }
  }

  /** Resolves when it has ended, with how. Rejects after 5 s. */
  ended(): Promise<{ readonly code: number; readonly reason: string }> {
    return this.#waiting.for(
      () => this.closed,
      () => 'the upstream connection to close',
    );
  }

  #receive(text: string): void {
    try {
      this.model.receive(JSON.parse(text) as JsonObject, this.#sent);
    } catch (error) {
      this.model.violate(`what came is no event: ${String(error)}`);
    }
  }
}
