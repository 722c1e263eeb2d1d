// Where an engine is asked over HTTP: an address and port, a UNIX socket, or somebody else's URL with what has to be
// sent along.
import { type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface Endpoint {
  readonly protocol: 'http' | 'https';
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** In place of host and port. */
  readonly socketPath: string | null;
  /** Stands before every path; without a slash at its end, '' for none. */
  readonly basePath: string;
  /** Sent with every request, such as a key. Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Of an engine of ours on this machine. */
export function localEndpoint(at: {
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string | null;
}): Endpoint {
  const { host, port, socketPath = null } = at;
  return { protocol: 'http', host, port, socketPath, basePath: '', headers: {} };
}

/**
 * Begins a request there; the caller ends it. Each has a connection of its own unless an agent is given.
 * @param path begins with a slash
 */
export function requestTo(endpoint: Endpoint, path: string, options: RequestOptions): ClientRequest {
  const { protocol, host, port, socketPath, basePath, headers } = endpoint;
  const request = protocol === 'https' ? httpsRequest : httpRequest;
  const place = socketPath === null ? { host, port } : { socketPath };
  return request({
    agent: false,
    ...options,
    ...place,
    path: `${basePath}${path}`,
    headers: { ...(options.headers as Record<string, string> | undefined), ...headers },
  });
}

/** `http://127.0.0.1:20123`, `unix:/run/x.sock`, `https://host:443/v1`. No secret is in it. */
export function endpointText({ protocol, host, port, socketPath, basePath }: Endpoint): string {
  if (socketPath !== null) return `unix:${socketPath}`;
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}${basePath}`;
}
