// Who may do what: Host and Origin (against DNS rebinding and cross-site WebSockets), then the token of the surface.
// Without tokens in the configuration whoever reaches the loopback address may do everything.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../config/listen.ts';
import type { Secret } from '../config/secrets.ts';
import type { Config } from '../config/types.ts';
import { systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { ClientSecret, ClientSecrets } from './client-secrets.ts';
import { tokenOfCookie } from './console/console-cookie.ts';
import { targetOf } from './request-head.ts';

/** `session`: what a caller may, and whoever has a client secret. */
export type Surface = 'public' | 'session' | 'caller' | 'admin';

const keyProtocol = 'openai-insecure-api-key.';

export class Access {
  readonly #config: Config;
  readonly #clientSecrets: ClientSecrets;

  constructor(config: Config, clientSecrets: ClientSecrets) {
    this.#config = config;
    this.#clientSecrets = clientSecrets;
  }

  /** Whether everybody who gets in may see everything: no tokens are configured. */
  get open(): boolean {
    const { tokens, admin } = this.#config.auth;
    return tokens.length === 0 && admin.length === 0;
  }

  /** With TLS or without. */
  get door(): 'plain' | 'secure' {
    return this.#config.tls ? 'secure' : 'plain';
  }

  /** The administrator's token that this is; undefined when it is none. */
  administrator(given: string): Secret | undefined {
    return this.#config.auth.admin.find((secret) => sameText(secret.reveal(), given));
  }

  /** Whose console it is that asks, by its cookie. */
  ofConsole(request: Pick<IncomingMessage, 'headers' | 'method'>): Secret | undefined {
    return tokenOfCookie(request, this.#config.auth.admin, systemClock.wallTime());
  }

  /** Null when the request may use the surface, the reason otherwise. */
  refusal(request: IncomingMessage, surface: Surface): GreenroomError | null {
    return (
      this.#foreign(request) ??
      (surface === 'public' || this.open ? null : this.#unauthorized(request, surface))
    );
  }

  /** The client secret that the request came with, if it did. */
  clientSecret(request: IncomingMessage): ClientSecret | undefined {
    const given = this.#tokenOf(request);
    return given === null ? undefined : this.#clientSecrets.find(given);
  }

  /** Which events the request may watch and publish. Asked when `caller` is not refused. */
  topicGrant(request: IncomingMessage): {
    readonly watch: readonly string[];
    readonly publish: readonly string[];
  } {
    const { admin, grants } = this.#config.auth;
    const given = this.#tokenOf(request);
    const isAdmin = given !== null && admin.some((secret) => sameText(secret.reveal(), given));
    if (this.open || isAdmin) return everything;
    const granted = grants.filter(({ token }) => given !== null && sameText(token.reveal(), given));
    return {
      watch: granted.flatMap(({ watch }) => watch),
      publish: granted.flatMap(({ publish }) => publish),
    };
  }

  /** The same for the same token; empty without one. Tells nothing of it. */
  principal(request: IncomingMessage): string {
    const given = this.open ? null : this.#tokenOf(request);
    return given === null ? '' : digest(given).toString('base64url');
  }

  /** What it came with; of a console that has signed in the token that it signed in with. */
  #tokenOf(request: IncomingMessage): string | null {
    return tokenOf(request) ?? this.ofConsole(request)?.reveal() ?? null;
  }

  #foreign({ headers }: IncomingMessage): GreenroomError | null {
    const { origins } = this.#config.auth;
    const host = hostOf(headers.host ?? '');
    const allowedHosts = [
      this.#config.listen.host,
      ...origins.map((origin) => hostOf(origin.replace(/^\w+:\/\//, ''))),
    ];
    // A page that rebound its name to us has no token: only where none is needed does its Host matter.
    if (this.open && host && !isLoopbackName(host) && !allowedHosts.includes(host)) {
      const message = `Host ${host} is not this gateway's; add its origin to auth.origins if it should be`;
      return new GreenroomError('origin_not_allowed', message, { details: { host } });
    }
    const { origin } = headers;
    if (origin === undefined || origins.includes(origin)) return null;
    const from = hostOf(origin.replace(/^\w+:\/\//, ''));
    if (from !== '' && (isLoopbackName(from) || from === host)) return null;
    const message = `Origin ${origin} may not use this gateway; add it to auth.origins if it should`;
    return new GreenroomError('origin_not_allowed', message, { details: { origin } });
  }

  #unauthorized(request: IncomingMessage, surface: Exclude<Surface, 'public'>): GreenroomError | null {
    const { tokens, admin } = this.#config.auth;
    const given = this.#tokenOf(request);
    const accepted = surface === 'admin' ? admin : [...tokens, ...admin];
    if (given !== null && accepted.some((secret) => sameText(secret.reveal(), given))) return null;
    if (surface === 'session' && this.clientSecret(request)) return null;
    const message =
      given === null
        ? `a token is missing for the ${surface} surface`
        : `the token is not one of the ${surface} surface`;
    return new GreenroomError('unauthorized', message);
  }
}

/** Our environment without the variables that the door's tokens come from: they are not the engines' business. */
export function withoutTokens({ auth }: Config): NodeJS.ProcessEnv {
  const own = new Set([...auth.tokens, ...auth.admin].map(({ origin }) => origin));
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.has(`env:${name}`)));
}

/** `[::1]:7460` → `::1`, `localhost:80` → `localhost`. */
function hostOf(authority: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(authority);
  return (bracketed?.[1] ?? authority.replace(/:\d*$/, '')).toLowerCase();
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isLoopback(host);
}

function tokenOf(request: IncomingMessage): string | null {
  const { authorization, 'sec-websocket-protocol': protocols } = request.headers;
  const bearer = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
  if (bearer) return bearer;
  const offered = (protocols ?? '').split(',').map((name) => name.trim());
  const key = offered.find((name) => name.startsWith(keyProtocol));
  if (key) return key.slice(keyProtocol.length);
  return targetOf(request.url)?.searchParams.get('token') ?? null;
}

const everything = { watch: ['>', 'greenroom.>'], publish: ['>'] };

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** In constant time, whatever the lengths. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}
