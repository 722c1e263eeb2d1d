// What is asked of the gateway and has not been answered: subscriptions, which outlive a connection, and publications,
// which are sent once. What cannot be sent yet is kept, within bounds. Ended by its stream.

import { GreenroomError } from '../../lifecycle/errors.ts';
import type { HubControl, HubRequest } from '../../wire/hub.ts';
import { toJson } from '../given.ts';
import { errorOf } from './failures.ts';

export interface NewEvent {
  /** Default: `machine_name` of the data, else `default`. */
  readonly topic?: string | undefined;
  /** Of several things of one topic, which: `policy: 'conflate'` keeps the newest of each. Needs a topic. */
  readonly key?: string | undefined;
  /** Whatever JSON can say. */
  readonly data: unknown;
}

export interface Ask {
  readonly ref: string;
  readonly kind: 'publish' | 'subscribe' | 'unsubscribe';
  /** Of a subscription. */
  readonly topics: readonly string[];
  /** The `HubRequest`. */
  readonly json: string;
  /** Of a publication: what goes to `/v1/events` in its place. */
  readonly body: string;
  /** Whether the body is the data alone. */
  readonly form: 'envelope' | 'raw';
  readonly answer: PromiseWithResolvers<string>;
}

/** Gives it to the gateway; whatever becomes of it is told by `settled` or `failed`. */
export type SendAsk = (ask: Ask) => void;

const asksMax = 10_000;
const charactersMax = 16 * 1024 * 1024;
/** Of an event's data; beyond it a gateway would close the connection. */
const dataBytesMax = 1024 * 1024;

export class Requests {
  readonly #kept: Ask[] = [];
  readonly #sent = new Map<string, Ask>();
  readonly #topics: Set<string>;
  #characters = 0;
  #count = 0;
  #send: SendAsk | null = null;
  #state: 'open' | 'ended' = 'open';

  constructor(topics: readonly string[]) {
    this.#topics = new Set(topics);
  }

  /** Those that the gateway has agreed to. */
  get topics(): readonly string[] {
    return [...this.#topics];
  }

  /** Who named no topics has all that it may: those that it is told. */
  agreed(topics: readonly string[]): void {
    if (this.#topics.size > 0) return;
    for (const topic of topics) this.#topics.add(topic);
  }

  /** Rejects with `event_too_large`, `server_busy` when too much waits, and the code of a refusal. Throws `bad_usage`. */
  publish({ topic, key, data }: NewEvent): Promise<string> {
    const json = toJson('data', data);
    const head = [
      topic === undefined ? '' : `"topic":${JSON.stringify(topic)},`,
      key === undefined ? '' : `"key":${JSON.stringify(key)},`,
    ].join('');
    const bytes = json.length * 3 > dataBytesMax ? new TextEncoder().encode(json).length : json.length;
    const ref = this.#newRef('publish');
    const ask: Ask = {
      ...{ ref, kind: 'publish', topics: [], answer: Promise.withResolvers() },
      json: `{"type":"publish","ref":"${ref}",${head}"data":${json}}`,
      ...(topic === undefined
        ? { body: json, form: 'raw' as const }
        : { body: `{${head}"data":${json}}`, form: 'envelope' as const }),
    };
    if (bytes <= dataBytesMax) return this.#ask(ask);
    const message = `the event has ${bytes} bytes of data; at most ${dataBytesMax} are taken`;
    return this.#refuse(ask, new GreenroomError('event_too_large', message));
  }

  subscribe(kind: 'subscribe' | 'unsubscribe', topics: readonly string[]): Promise<string> {
    const request: HubRequest = { type: kind, topics };
    const json = JSON.stringify(request);
    const ref = this.#newRef(kind);
    return this.#ask({ ref, kind, topics, json, body: '', form: 'raw', answer: Promise.withResolvers() });
  }

  /** What will be left when all that is asked has been answered. */
  topicsAfter(unsubscribed: readonly string[]): readonly string[] {
    const left = new Set(this.#topics);
    for (const { kind, topics } of [...this.#sent.values(), ...this.#kept])
      for (const topic of topics) kind === 'subscribe' ? left.add(topic) : left.delete(topic);
    for (const topic of unsubscribed) left.delete(topic);
    return [...left];
  }

  /** There is a connection: it gets what waits. */
  attach(send: SendAsk): void {
    this.#send = send;
    for (const ask of this.#kept.splice(0)) this.#give(ask);
  }

  /** There is none: a subscription is asked again, of a publication nobody knows what became. */
  detach(why: string): void {
    this.#send = null;
    const open = [...this.#sent.values()];
    this.#sent.clear();
    this.#kept.unshift(...open.filter(({ kind }) => kind !== 'publish'));
    const message = `${why} before the event was acknowledged: it may have been published, or not`;
    for (const ask of open)
      if (ask.kind === 'publish') this.#settle(ask, new GreenroomError('gateway_unreachable', message));
  }

  /** Takes an answer of the gateway. @returns whether it was one to something that was asked */
  heard(control: HubControl): boolean {
    const ask = this.#askOf(control);
    if (!ask) return false;
    if (control.type === 'error') this.failed(ask, errorOf(control.code, control.message));
    else this.settled(ask, control.type === 'published' ? control.id : '');
    return true;
  }

  settled(ask: Ask, id: string): void {
    if (!this.#sent.delete(ask.ref)) return;
    for (const topic of ask.topics)
      ask.kind === 'subscribe' ? this.#topics.add(topic) : this.#topics.delete(topic);
    this.#settle(ask, id);
  }

  failed(ask: Ask, error: GreenroomError): void {
    if (this.#sent.delete(ask.ref)) this.#settle(ask, error);
  }

  end(why: string): void {
    this.detach(why);
    this.#state = 'ended';
    for (const ask of this.#kept.splice(0)) this.#settle(ask, ended(ask, why));
  }

  #ask(ask: Ask): Promise<string> {
    if (this.#state === 'ended') return this.#refuse(ask, ended(ask, 'the stream has ended'));
    const waiting = this.#kept.length + this.#sent.size;
    if (waiting >= asksMax || this.#characters + ask.json.length > charactersMax) {
      const message = `${waiting} requests (${this.#characters} characters) wait for the gateway's answer already; await some of them first`;
      return this.#refuse(ask, new GreenroomError('server_busy', message));
    }
    this.#characters += ask.json.length;
    // Nobody has to look at it.
    ask.answer.promise.catch(() => undefined);
    if (this.#send) this.#give(ask);
    else this.#kept.push(ask);
    return ask.answer.promise;
  }

  #give(ask: Ask): void {
    this.#sent.set(ask.ref, ask);
    this.#send?.(ask);
  }

  #settle(ask: Ask, outcome: string | GreenroomError): void {
    this.#characters -= ask.json.length;
    if (typeof outcome === 'string') ask.answer.resolve(outcome);
    else ask.answer.reject(outcome);
  }

  #refuse({ answer }: Ask, error: GreenroomError): Promise<string> {
    answer.promise.catch(() => undefined);
    answer.reject(error);
    return answer.promise;
  }

  /** Publications by their `ref`. Subscriptions have none: they are answered in order. */
  #askOf(control: HubControl): Ask | undefined {
    if (control.type !== 'subscribed' && control.type !== 'unsubscribed' && control.type !== 'published') {
      if (control.type !== 'error') return undefined;
      if (control.ref === undefined) return this.#oldest(['subscribe', 'unsubscribe']);
      return this.#sent.get(String(control.ref));
    }
    if (control.type === 'published') return this.#sent.get(String(control.ref));
    return this.#oldest([control.type === 'subscribed' ? 'subscribe' : 'unsubscribe']);
  }

  #oldest(kinds: readonly Ask['kind'][]): Ask | undefined {
    for (const ask of this.#sent.values()) if (kinds.includes(ask.kind)) return ask;
    return undefined;
  }

  #newRef(kind: Ask['kind']): string {
    return `${kind}_${(this.#count += 1)}`;
  }
}

function ended({ kind }: Ask, why: string): GreenroomError {
  return new GreenroomError('scope_closed', `cannot ${kind}: ${why}`);
}
