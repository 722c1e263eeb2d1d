// Which headers go on from the caller to the engine and back (RFC 9110, 7.6.1). What is between two neighbours stays
// between them, and so does what tells who somebody is: a caller's token is the door's business, an engine's key ours.
// Pure.
import type { IncomingHttpHeaders } from 'node:http';

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/** Of the door: who the caller is, where it wants to go, and what has been met already. */
const ofTheDoor = [
  'authorization',
  'cookie',
  'host',
  'expect',
  'content-length',
  'x-greenroom-engine',
  // The address of a page may have the token in it, and a subprotocol that nobody speaks here may be one.
  'referer',
  'sec-websocket-protocol',
  // They go with a key: somebody else's are not those of the engine's.
  'openai-organization',
  'openai-project',
];

/** Of the door's own origin: a cookie or a grant to other sites would be ours. */
const ofTheEngine = ['set-cookie', 'date'];

const keptFromEngine = new Set([...hopByHop, ...ofTheDoor]);
const keptFromCaller = new Set([...hopByHop, ...ofTheEngine]);

/** What a caller sent, as an engine gets it. Without a length: whoever sends the body knows it. */
export function headersToEngine(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  return without(headers, keptFromEngine);
}

/** What an engine answered, as the caller gets it. `as: 'changed'`: its body is not passed byte for byte. */
export function headersToCaller(
  headers: IncomingHttpHeaders,
  as: 'passed' | 'changed',
): Record<string, string | string[]> {
  const kept = without(headers, keptFromCaller);
  if (as === 'changed') delete kept['content-length'];
  for (const name of Object.keys(kept)) if (name.startsWith('access-control-')) delete kept[name];
  return kept;
}

/** Some engines show in them what they were asked with. */
export function maskedHeaders(
  headers: Readonly<Record<string, string | readonly string[]>>,
  mask: (text: string) => string,
): Record<string, string | string[]> {
  const masked = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === 'string' ? mask(value) : value.map(mask),
  ]);
  return Object.fromEntries(masked);
}

/** Of a WebSocket handshake, without the subprotocol that carries a caller's key. */
export function upgradeHeadersToEngine(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const protocols = (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '' && !protocol.startsWith('openai-insecure-api-key.'));
  const { 'sec-websocket-protocol': _, ...kept } = headersToEngine(headers);
  return {
    ...kept,
    ...(protocols.length > 0 && { 'sec-websocket-protocol': protocols.join(', ') }),
    connection: 'Upgrade',
    upgrade: 'websocket',
  };
}

/** The query without what is for the door alone. */
export function queryToEngine({ search, searchParams }: URL, ours: readonly string[]): string {
  if (!ours.some((name) => searchParams.has(name))) return search;
  const kept = search
    .slice(1)
    .split('&')
    .filter((pair) => !ours.includes([...new URLSearchParams(pair).keys()][0] ?? ''));
  return kept.length > 0 ? `?${kept.join('&')}` : '';
}

function without(headers: IncomingHttpHeaders, left: ReadonlySet<string>): Record<string, string | string[]> {
  const { connection } = headers;
  // It names further ones that are between two neighbours.
  const named = connection?.split(',').map((name) => name.trim().toLowerCase()) ?? [];
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !left.has(name) && !named.includes(name)) kept[name] = value;
  return kept;
}
