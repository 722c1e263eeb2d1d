// What a watcher asks for with its address: which topics, from where, in what form. Pure; throws coded errors.
import type { IncomingMessage } from 'node:http';
import { Interest } from '../../hub/interest.ts';
import type { Policy } from '../../hub/subscriber-world.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { parseEventId } from '../../wire/hub.ts';

export interface WatchQuery {
  readonly interest: Interest;
  readonly since: string | undefined;
  readonly snapshot: boolean;
  /** Its own name for itself; undefined: we give it one. */
  readonly client: string | undefined;
  /** Undefined: as configured. */
  readonly policy: Policy | undefined;
  /** `bare`: the data alone, without control messages unless they are asked for. */
  readonly envelope: 'full' | 'bare';
  readonly told: boolean;
  readonly pings: boolean;
}

const policies: readonly string[] = ['evict', 'skip', 'conflate'];
/** `token` is who may (access.ts), `lastEventId` another name for `since`. */
const known = [
  'topics',
  'since',
  'lastEventId',
  'snapshot',
  'client',
  'policy',
  'envelope',
  'control',
  'ping',
  'token',
];
const clientPattern = /^[\w.-]{1,64}$/;

/** @param everything what it watches that names no topics: all that it may */
export function watchQuery(
  url: URL,
  headers: IncomingMessage['headers'],
  everything: readonly string[] = ['>'],
): WatchQuery {
  const { searchParams: query } = url;
  const strange = query.keys().find((name) => !known.includes(name));
  if (strange !== undefined)
    throw invalid(`${JSON.stringify(strange.slice(0, 64))} is no parameter; there are ${known.join(', ')}`);
  const asked = query.getAll('topics').flatMap((list) => list.split(',').map((topic) => topic.trim()));
  const topics = asked.filter((topic) => topic !== '');
  const envelope = oneOf(query, 'envelope', ['on', 'off']) === 'off' ? 'bare' : 'full';
  const policy = oneOf(query, 'policy', policies) as Policy | undefined;
  if (envelope === 'bare' && policy !== undefined && policy !== 'evict')
    throw invalid(`policy=${policy} declares gaps, which envelope=off has no place for: use policy=evict`);
  const told = flag(query, 'control') ?? envelope === 'full';
  const pings = flag(query, 'ping') ?? false;
  if (pings && !told)
    throw invalid('ping=1 asks by control messages, and there are none: add control=1, or leave ping out');
  const client = query.get('client') ?? undefined;
  if (client !== undefined && !clientPattern.test(client))
    throw invalid('client is 1 to 64 letters, digits, `.`, `_` or `-`');
  return {
    interest: Interest.of(topics.length > 0 ? topics : everything.length > 0 ? everything : ['>']),
    since: sinceOf(query, headers),
    snapshot: flag(query, 'snapshot') ?? false,
    client,
    policy: envelope === 'bare' ? 'evict' : policy,
    envelope,
    told,
    pings,
  };
}

/** A browser's own reconnection says where it was: that is later than what its address says. */
function sinceOf(query: URLSearchParams, headers: IncomingMessage['headers']): string | undefined {
  const last = headers['last-event-id'];
  const since =
    (typeof last === 'string' && last !== '' ? last : undefined) ??
    query.get('since') ??
    query.get('lastEventId') ??
    undefined;
  if (since === undefined || parseEventId(since)) return since;
  throw invalid(
    `since is the id of an event, such as "k3f9a1.42", got ${JSON.stringify(since.slice(0, 64))}`,
  );
}

function flag(query: URLSearchParams, name: string): boolean | undefined {
  const given = oneOf(query, name, ['0', '1', 'false', 'true']);
  return given === undefined ? undefined : given === '1' || given === 'true';
}

function oneOf(query: URLSearchParams, name: string, known: readonly string[]): string | undefined {
  const given = query.get(name) ?? undefined;
  if (given === undefined || known.includes(given)) return given;
  throw invalid(`${name} is one of ${known.join(', ')}, got ${JSON.stringify(given.slice(0, 64))}`);
}

const invalid = (message: string) => new GreenroomError('invalid_request', message);
