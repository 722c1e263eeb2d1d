// The cookie by which a browser shows that its user has signed in to the console. It is made from an administrator's
// token and proves that whoever made it had it, without holding it; so it needs no memory, outlives a restart of the
// gateway, and ends with its token. Pure: time and chance are given.
//
//     EXPIRES.NONCE.HMAC-SHA256(key from the token, EXPIRES.NONCE)
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Secret } from '../../config/secrets.ts';

/** A working day. */
export const cookieSeconds = 12 * 3600;
const name = 'greenroom_console';
const valuePattern = /^(\d{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})$/;

/** @param nonce 32 hexadecimal digits */
export function cookieFor(token: Secret, nonce: string, nowMs: number): string {
  const facts = `${Math.floor(nowMs / 1000) + cookieSeconds}.${nonce}`;
  return `${facts}.${proofOf(token, facts)}`;
}

/** The `Set-Cookie` header. `secure`: of a door with TLS; an empty value ends it. */
export function cookieHeader(value: string, door: 'plain' | 'secure'): string {
  const seconds = value === '' ? 0 : cookieSeconds;
  const secure = door === 'secure' ? '; Secure' : '';
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/**
 * The token of the administrator whose cookie the request brings; undefined for none, one that is over or not ours, and
 * for one that a page of another origin has sent: browsers send it from every port of this host.
 */
export function tokenOfCookie(
  request: Pick<IncomingMessage, 'headers' | 'method'>,
  tokens: readonly Secret[],
  nowMs: number,
): Secret | undefined {
  if (!isFromConsole(request)) return undefined;
  for (const value of cookiesIn(request.headers.cookie)) {
    const [, expires, nonce, proof] = valuePattern.exec(value) ?? [];
    if (expires === undefined || nonce === undefined || proof === undefined) continue;
    if (Number(expires) * 1000 <= nowMs) continue;
    const given = Buffer.from(proof, 'hex');
    const found = tokens.find((token) =>
      timingSafeEqual(Buffer.from(proofOf(token, `${expires}.${nonce}`), 'hex'), given),
    );
    if (found) return found;
  }
  return undefined;
}

/** Whether a page of this very door asks. What only reads may come without an origin: nobody else can read the answer. */
export function isFromConsole({ headers, method }: Pick<IncomingMessage, 'headers' | 'method'>): boolean {
  const { origin, host, upgrade } = headers;
  if (origin !== undefined) return host !== undefined && URL.parse(origin)?.host === host.toLowerCase();
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  return upgrade === undefined && (method === undefined || method === 'GET' || method === 'HEAD');
}

function proofOf(token: Secret, facts: string): string {
  const key = createHash('sha256').update(`greenroom console\n${token.reveal()}`).digest();
  return createHmac('sha256', key).update(facts).digest('hex');
}

/** A page on another port of this host can set one of the same name for a path of its own: each is tried, up to so many. */
const cookiesMax = 8;

function cookiesIn(header: string | undefined): readonly string[] {
  const parts = (header ?? '').split(';').map((part) => part.trim());
  const ours = parts.filter((part) => part.startsWith(`${name}=`)).slice(0, cookiesMax);
  return ours.map((part) => part.slice(name.length + 1));
}
