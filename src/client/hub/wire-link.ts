// The connection of a stream, of either kind, and how it is spoken to.
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import type { HubRequest } from '../../wire/hub.ts';
import { httpUrl } from '../address.ts';
import { Link, type LinkEnd } from '../link.ts';
import type { ClientWorld } from '../timers.ts';
import type { CheckedEvents } from './options.ts';
import { Posts } from './posts.ts';
import type { Ask, Requests } from './requests.ts';
import { SseLink } from './sse-link.ts';

export interface WireLinkEvents {
  readonly onOpened: () => void;
  readonly onMessage: (data: unknown) => void;
  readonly onHeard: () => void;
  readonly onRetry: (ms: number) => void;
  readonly onClosed: (end: LinkEnd) => void;
}

/** Opens connections for one stream, one after the other, and says what it has to say. */
export class HubWire {
  readonly #options: CheckedEvents;
  readonly #requests: Requests;
  readonly #posts: Posts;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: CheckedEvents, requests: Requests, world: ClientWorld) {
    const { base, token, fetch } = options;
    this.#options = options;
    this.#requests = requests;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const [url = '', query = ''] = httpUrl(base).split('?');
    this.#posts = new Posts({ url, query, headers: this.#headers, fetch, world });
  }

  open(url: string, events: WireLinkEvents): Link | SseLink {
    const { transport, Socket, fetch } = this.#options;
    if (transport === 'sse') return new SseLink({ url, headers: this.#headers, fetch, ...events });
    if (!Socket) throw new GreenroomError('bad_usage', 'there is no WebSocket');
    return new Link({ ...events, Socket, url, protocols: [] });
  }

  /** How what is asked reaches the gateway while this connection lasts. */
  sender(link: Link | SseLink, client: string): (ask: Ask) => void {
    if (link instanceof Link) return (ask) => link.send(ask.json);
    return (ask) => void this.#post(ask, client);
  }

  /** What needs no answer. Over server-sent events a failure shows by itself: nothing comes any more. */
  say(link: Link | SseLink, client: string, request: HubRequest): void {
    const json = JSON.stringify(request);
    if (link instanceof Link) link.send(json);
    else this.#posts.request(client, json).catch(() => undefined);
  }

  end(): void {
    this.#posts.end();
  }

  async #post(ask: Ask, client: string): Promise<void> {
    try {
      if (ask.kind === 'publish') this.#requests.settled(ask, await this.#posts.publish(ask.body, ask.form));
      // It is settled by what comes in the stream: where in it, matters.
      else await this.#posts.request(client, ask.json);
    } catch (thrown) {
      this.#requests.failed(ask, toGreenroomError(thrown));
    }
  }
}
