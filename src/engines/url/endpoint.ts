// The endpoint of somebody else's engine, from its configuration.
import type { UrlEngineConfig } from '../../config/types.ts';
import type { Endpoint } from '../endpoint.ts';

export function endpointOf({ url, key }: Pick<UrlEngineConfig, 'url' | 'key'>): Endpoint {
  const { protocol, hostname, port, pathname } = new URL(url);
  const secure = protocol === 'https:';
  return {
    protocol: secure ? 'https' : 'http',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 443 : 80) : Number(port),
    socketPath: null,
    basePath: pathname === '/' ? '' : pathname,
    headers: key === undefined ? {} : { authorization: `Bearer ${key.reveal()}` },
  };
}
