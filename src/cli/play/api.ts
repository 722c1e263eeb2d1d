// What `greenroom play` asks its gateway over HTTP.
import { refusalOf } from '../../client/refusal.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import { ask, gatewayUrl } from '../ask.ts';

/** Of a playback, as the API shows it. */
export interface PlaybackShown {
  readonly id: string;
  readonly state: string;
  readonly positionMs: number;
  readonly durationMs: number;
  readonly message: string;
}

const limitMs = 60_000;

export class PlaybackApi {
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #scope: Scope;

  constructor(url: string, token: string | undefined, scope: Scope) {
    this.#url = url;
    this.#token = token;
    this.#scope = scope;
  }

  /** The pipeline that a recording was made of. */
  async pipelineOf(recordingId: string): Promise<string> {
    const path = recordingId.split('/').map(encodeURIComponent).join('/');
    const found = await this.#ask<{ readonly pipeline: string }>('GET', `/api/recordings/${path}`);
    return found.pipeline;
  }

  start(what: object): Promise<PlaybackShown> {
    return this.#ask('POST', '/api/playback/start', what);
  }

  find(id: string): Promise<PlaybackShown> {
    return this.#ask('GET', `/api/playback/${encodeURIComponent(id)}`);
  }

  async stop(id: string): Promise<void> {
    await this.#ask('POST', '/api/playback/stop', { id });
  }

  async #ask<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const url = gatewayUrl(this.#url, path);
    const bytes = body && new TextEncoder().encode(JSON.stringify(body));
    const asked = await ask(
      { url, method, token: this.#token, body: bytes && { type: 'application/json', bytes } },
      this.#scope,
      limitMs,
    );
    if (asked.state === 'silent') throw new GreenroomError('gateway_unreachable', asked.why);
    const { status, text } = asked;
    if (status === 200) return JSON.parse(text) as T;
    throw refusalOf({ socketUrl: url.href, status, text });
  }
}
