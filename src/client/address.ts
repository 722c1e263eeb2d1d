// Where to connect and with which subprotocols, from what the user gave. Pure; throws `bad_usage`.
import { GreenroomError } from '../lifecycle/errors.ts';

export interface AddressOptions {
  readonly url: string;
  readonly model?: string | undefined;
  readonly token?: string | undefined;
  readonly notices?: boolean | undefined;
}

const realtimePath = '/v1/realtime';
const keyProtocol = 'openai-insecure-api-key.';
const eventsPath = '/v1/events';
const socketSchemes: Readonly<Record<string, string>> = {
  'http:': 'ws:',
  'https:': 'wss:',
  'ws:': 'ws:',
  'wss:': 'wss:',
};

/** `http://127.0.0.1:7460` → `ws://127.0.0.1:7460/v1/realtime?notices=1`. Another path stays as it is. */
export function realtimeUrl({ url, model, notices = true }: AddressOptions): string {
  const address = endpoint(url, realtimePath);
  if (model !== undefined) address.searchParams.set('model', model);
  if (notices) address.searchParams.set('notices', '1');
  return address.href;
}

/** `http://127.0.0.1:7460` → `ws://127.0.0.1:7460/v1/events`. Another path stays as it is. */
export const eventsUrl = (url: string): string => endpoint(url, eventsPath).href;

/** The same place over HTTP, to ask why a connection was refused. */
export function httpUrl(socketUrl: string): string {
  return socketUrl.replace(/^ws/, 'http');
}

/** For messages: a token in the query is a secret, and so is a password. */
export function shownUrl(url: string): string {
  return url.replace(/([?&]token=)[^&]*/g, '$1…').replace(/(:\/\/[^/?#]*):[^/?#]*@/, '$1:…@');
}

/** A browser can send no headers with a WebSocket, so the token travels beside the protocol's name. */
export function subprotocols(token: string | undefined): string[] {
  if (token === undefined || token === '') return ['realtime'];
  // The characters of an HTTP token (RFC 9110, 5.6.2); a WebSocket throws for others without saying which.
  const bad = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/.exec(token);
  if (bad) {
    throw new GreenroomError(
      'bad_usage',
      `the token cannot travel as a WebSocket subprotocol: its character ${bad.index + 1} is ` +
        `${JSON.stringify(bad[0])}; use letters, digits and - . _ ~, or add it to the url as ?token=`,
    );
  }
  return ['realtime', `${keyProtocol}${token}`];
}

function endpoint(url: string, path: string): URL {
  const address = parse(url);
  const scheme = socketSchemes[address.protocol];
  if (scheme === undefined) {
    throw new GreenroomError(
      'bad_usage',
      `${shownUrl(url)}: expected ws://, wss://, http:// or https://, got ${address.protocol}`,
    );
  }
  address.protocol = scheme;
  address.hash = '';
  if (/^\/(?:v1\/?)?$/.test(address.pathname)) address.pathname = path;
  return address;
}

function parse(url: string): URL {
  // In a page `/v1/realtime` is enough: it is relative to the page.
  const base = (globalThis as { location?: { href?: string } }).location?.href;
  if (!URL.canParse(url, base)) {
    throw new GreenroomError(
      'bad_usage',
      `${JSON.stringify(shownUrl(url))} is not a URL; expected one such as ws://127.0.0.1:7460`,
    );
  }
  return new URL(url, base);
}
