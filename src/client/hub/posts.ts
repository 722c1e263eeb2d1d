// What a stream of server-sent events says to its gateway: each request is a post of its own. All of them end with the
// stream, and none takes longer than ten seconds.
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import { shownUrl } from '../address.ts';
import { readStart } from '../http-body.ts';
import { networkReason, refusalOf } from '../refusal.ts';
import type { ClientWorld } from '../timers.ts';
import { publishedId } from './failures.ts';

export interface PostsOptions {
  /** Of the events, without a query: `http://host/v1/events`. */
  readonly url: string;
  /** Of what the user gave in the address. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof fetch;
  readonly world: ClientWorld;
}

const postMs = 10_000;

export class Posts {
  readonly #options: PostsOptions;
  readonly #open = new Set<AbortController>();

  constructor(options: PostsOptions) {
    this.#options = options;
  }

  /** @returns the id. Rejects with the refusal's code, or `gateway_unreachable`. */
  async publish(body: string, form: 'envelope' | 'raw'): Promise<string> {
    const { url } = this.#options;
    return publishedId({ url, ...(await this.#post(url, body, form === 'raw' ? 'raw=1' : '')) });
  }

  /** A request of this watcher. Rejects like `publish`. */
  async request(client: string, json: string): Promise<void> {
    const url = `${this.#options.url}/clients/${encodeURIComponent(client)}`;
    const { status, text } = await this.#post(url, json, '');
    if (status >= 300) throw refusalOf({ socketUrl: url, status, text });
  }

  end(): void {
    for (const abort of this.#open) abort.abort();
  }

  async #post(
    url: string,
    body: string,
    extra: string,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { fetch: request, headers, world, query } = this.#options;
    const asked = [query, extra].filter(Boolean).join('&');
    const abort = new AbortController();
    this.#open.add(abort);
    const limit = world.after(postMs, () => abort.abort());
    try {
      const response = await request(asked ? `${url}?${asked}` : url, {
        ...{ method: 'POST', body, signal: abort.signal, redirect: 'manual' },
        headers: { 'content-type': 'application/json', ...headers },
      });
      return { status: response.status, text: await readStart(response) };
    } catch (thrown) {
      const why = networkReason(thrown) || toGreenroomError(thrown).message;
      const message = `${shownUrl(url)} did not answer a post: ${why}`;
      throw new GreenroomError('gateway_unreachable', message, { cause: thrown });
    } finally {
      limit.cancel();
      this.#open.delete(abort);
    }
  }
}
