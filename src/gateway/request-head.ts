// What must hold of every request before anybody looks at its path. Pure.
import type { IncomingMessage } from 'node:http';
import { GreenroomError } from '../lifecycle/errors.ts';
import { bodyBytesMax } from './request-body.ts';

type Head = Pick<IncomingMessage, 'url' | 'headers' | 'headersDistinct'>;

const shownMax = 80;

/** Null when the head is in order. */
export function headProblem({ url, headers, headersDistinct }: Head): GreenroomError | null {
  return hostProblem(headersDistinct['host']) ?? targetProblem(url) ?? bodyProblem(headers['content-length']);
}

/** A path, or a whole `http:` URL as proxies get it; null for everything else that may stand there. */
export function targetOf(url = ''): URL | null {
  // Not as a reference: `//x/y` would be the path `/y` of a host `x`.
  if (url.startsWith('/')) return URL.parse(`http://gateway${url}`);
  return /^https?:/i.test(url) ? URL.parse(url) : null;
}

function hostProblem([host, ...more]: readonly string[] = []): GreenroomError | null {
  if (host === undefined) return invalid('the Host header is missing');
  if (more.length > 0) return invalid(`one Host header is expected, got ${more.length + 1}`);
  if (/^[^\s/?#@\\]+$/.test(host) && URL.canParse(`http://${host}`)) return null;
  return invalid(`the Host header is to be a host with or without a port, got ${shown(host)}`);
}

function targetProblem(url: string | undefined): GreenroomError | null {
  return targetOf(url) ? null : invalid(`expected a path such as /healthz, got ${shown(url ?? '')}`);
}

function bodyProblem(length: string | undefined): GreenroomError | null {
  if (length === undefined || Number(length) <= bodyBytesMax) return null;
  const message = `a body of ${length} bytes is over the limit of ${bodyBytesMax}`;
  return new GreenroomError('body_too_large', message, { details: { limit: bodyBytesMax } });
}

const invalid = (message: string) => new GreenroomError('invalid_request', message);

const shown = (text: string) => JSON.stringify(text.slice(0, shownMax));
