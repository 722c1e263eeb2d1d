// One answer of server-sent events, from its request to its end, which is told exactly once. A stream has one after the
// other, in the place of a WebSocket.
import { GreenroomError } from '../../lifecycle/errors.ts';
import { shownUrl } from '../address.ts';
import { readStart } from '../http-body.ts';
import type { LinkEnd } from '../link.ts';
import { networkReason, refusalOf } from '../refusal.ts';
import { SseParser } from './sse-parser.ts';

export interface SseLinkOptions {
  /** `http://` or `https://`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof fetch;
  readonly onOpened: () => void;
  readonly onMessage: (data: string) => void;
  /** Anything at all has come. */
  readonly onHeard: () => void;
  readonly onRetry: (ms: number) => void;
  /** Never from within a call of ours. */
  readonly onClosed: (end: LinkEnd) => void;
}

export class SseLink {
  readonly pausable = true;
  readonly #options: SseLinkOptions;
  readonly #abort = new AbortController();
  /** What is waited for before more is read. */
  #paused: PromiseWithResolvers<void> | undefined;
  #state: 'asking' | 'open' | 'cut' | 'ended' = 'asking';

  constructor(options: SseLinkOptions) {
    this.#options = options;
    void this.#run();
  }

  get ready(): boolean {
    return this.#state === 'open';
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** There is no closing handshake: it is over at once. */
  close(code: number, reason: string): void {
    this.#endSoon({ code, reason, wasClean: true, known: undefined, hint: '' });
  }

  cut(): void {
    this.#endSoon(lost(''));
  }

  /** A `fetch` that does not heed its signal is not waited for. */
  #endSoon(end: LinkEnd): void {
    if (this.#state !== 'asking' && this.#state !== 'open') return;
    this.#state = 'cut';
    this.#abort.abort();
    this.resume();
    queueMicrotask(() => this.#end(end));
  }

  #end(end: LinkEnd): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#abort.abort();
    this.#options.onClosed(end);
  }

  async #run(): Promise<void> {
    // The caller of the constructor has its turn first, whatever `fetch` does.
    await undefined;
    const { url, fetch: request, headers } = this.#options;
    try {
      const response = await request(url, {
        headers: { accept: 'text/event-stream', ...headers },
        signal: this.#abort.signal,
        ...{ redirect: 'manual', cache: 'no-store' },
      });
      const refused = await refusalIn(response, url);
      if (this.#state !== 'asking') return void response.body?.cancel().catch(() => undefined);
      if (refused) return this.#end({ ...lost(''), known: refused });
      this.#state = 'open';
      this.#options.onOpened();
      await this.#read(response.body as ReadableStream<Uint8Array>);
      this.#endSoon(lost('the stream ended'));
    } catch (thrown) {
      if (this.#state === 'open') return this.#endSoon(lost(why(thrown)));
      const reason = why(thrown);
      const message = `no gateway answers at ${shownUrl(url)}${reason ? `: ${reason}` : ''}`;
      const known = new GreenroomError('gateway_unreachable', message, { cause: thrown });
      if (this.#state === 'asking') this.#end({ ...lost(''), known });
    }
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.getReader();
    const parser = new SseParser();
    const { onHeard, onMessage, onRetry } = this.#options;
    while (this.#state === 'open') {
      await this.#paused?.promise;
      const { value, done } = await reader.read();
      if (done || this.#state !== 'open') return;
      onHeard();
      for (const item of parser.push(value)) {
        if (this.#state !== 'open') return;
        if (item.kind === 'retry') onRetry(item.ms);
        else onMessage(item.data);
      }
    }
  }
}

const lost = (reason: string): LinkEnd => ({
  ...{ code: 1006, reason, wasClean: false },
  ...{ known: undefined, hint: '' },
});

const why = (thrown: unknown): string =>
  networkReason(thrown) || (thrown instanceof Error ? thrown.message : String(thrown));

async function refusalIn(response: Response, url: string): Promise<GreenroomError | undefined> {
  const { status, headers } = response;
  const type = headers.get('content-type') ?? '';
  if (status === 200 && /^text\/event-stream\b/i.test(type) && response.body) return undefined;
  if (status !== 200) {
    const text = await readStart(response);
    return refusalOf({ socketUrl: url, status, text, retryAfter: headers.get('retry-after') });
  }
  await response.body?.cancel();
  const message = `${shownUrl(url)} answers ${type || 'without a content type'}, which are no server-sent events`;
  return new GreenroomError('gateway_unreachable', message, { details: { url: shownUrl(url), status } });
}
