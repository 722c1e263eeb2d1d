// What must hold of every request before anybody looks at its path. Pure.
import type { IncomingMessage } from 'node:http';
import { GreenroomError } from '../lifecycle/errors.ts';
import { enginePathOf } from './engine-requests/engine-paths.ts';
import { eventsPath } from './events/events-path.ts';
import { bodyBytesMax } from './request-body.ts';

type Head = Pick<IncomingMessage, 'url' | 'headers' | 'headersDistinct'>;

const shownMax = 80;

/** Null when the head is in order. */
export function headProblem({ url, headers, headersDistinct }: Head): GreenroomError | null {
  return (
    hostProblem(headersDistinct['host']) ?? targetProblem(url) ?? bodyProblem(url, headers['content-length'])
  );
}

/** An engine is to answer it. */
const isForEngines = ({ url }: Pick<Head, 'url'>): boolean => enginePathIn(url) !== undefined;

/** What has to wait until the HTTP surface is there; its body is asked for (`100 Continue`) by whoever takes it, once. */
export const isForSurface = (head: Pick<Head, 'url'>): boolean => isForEngines(head) || isForEvents(head);

const isForEvents = ({ url }: Pick<Head, 'url'>): boolean => targetOf(url)?.pathname === eventsPath;

/** A path, or a whole `http:` URL as proxies get it; null for everything else that may stand there. */
export function targetOf(url = ''): URL | null {
  // Not as a reference: `//x/y` would be the path `/y` of a host `x`.
  if (url.startsWith('/')) return URL.parse(`http://gateway${url}`);
  return /^https?:/i.test(url) ? URL.parse(url) : null;
}

/** Of a request, for a line that names it: method and path, without the query, which may hold a token. */
export const pathOf =
  ({ method, url = '' }: Pick<IncomingMessage, 'method' | 'url'>): (() => string) =>
  () =>
    `${method} ${url.split('?', 1)[0]?.slice(0, shownMax)}`;

function hostProblem([host, ...more]: readonly string[] = []): GreenroomError | null {
  if (host === undefined) return invalid('the Host header is missing');
  if (more.length > 0) return invalid(`one Host header is expected, got ${more.length + 1}`);
  if (/^[^\s/?#@\\]+$/.test(host) && URL.canParse(`http://${host}`)) return null;
  return invalid(`the Host header is to be a host with or without a port, got ${shown(host)}`);
}

function targetProblem(url: string | undefined): GreenroomError | null {
  return targetOf(url) ? null : invalid(`expected a path such as /healthz, got ${shown(url ?? '')}`);
}

function bodyProblem(url: string | undefined, length: string | undefined): GreenroomError | null {
  if (length === undefined) return null;
  // Lines of events come for as long as there are any; each has its own limit.
  if (isForEvents({ url }) || isImport(url)) return null;
  const limit = enginePathIn(url)?.bodyBytesMax ?? bodyBytesMax;
  if (Number(length) <= limit) return null;
  const message = `a body of ${length} bytes is over the limit of ${limit}`;
  return new GreenroomError('body_too_large', message, { details: { limit } });
}

/** Has a limit of its own, which the configuration says. */
const isImport = (url: string | undefined): boolean => targetOf(url)?.pathname === '/api/recordings';

function enginePathIn(url: string | undefined) {
  const target = targetOf(url);
  return target ? enginePathOf(target.pathname) : undefined;
}

const invalid = (message: string) => new GreenroomError('invalid_request', message);

const shown = (text: string) => JSON.stringify(text.slice(0, shownMax));
