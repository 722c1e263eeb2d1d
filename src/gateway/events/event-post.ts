// What a post of events says about itself, before its body: how its events stand in it, and where they go. Pure.
import type { IncomingHttpHeaders } from 'node:http';
import { checkTopic } from '../../hub/published.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';

export interface EventPostHead {
  /** `json`: one event, or an array of them; `ndjson`: one a line, any number. */
  readonly form: 'json' | 'ndjson';
  /** Everything is data: of `json` the whole body is one event. */
  readonly raw: boolean;
  readonly as: string | undefined;
}

const ndjsonTypes = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
];
/** curl says the last one of whatever it is given. */
const jsonTypes = ['', 'application/json', 'text/json', 'application/x-www-form-urlencoded'];
/** `token` is who may (access.ts). */
const known = ['topic', 'raw', 'token'];
const flags: Readonly<Record<string, boolean>> = {
  '1': true,
  true: true,
  '': true,
  '0': false,
  false: false,
};

/** Throws `invalid_request`, `invalid_topic` and `topic_reserved`. */
export function eventPostHead(query: URLSearchParams, headers: IncomingHttpHeaders): EventPostHead {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = headers;
  const essence = (type.split(';')[0] ?? '').trim().toLowerCase();
  const form = ndjsonTypes.includes(essence) ? 'ndjson' : 'json';
  if (form === 'json' && !jsonTypes.includes(essence) && !essence.endsWith('+json'))
    throw invalid(`content-type ${JSON.stringify(essence)} is no form of events; ${forms}`);
  if (encoding.toLowerCase() !== 'identity')
    throw invalid(
      `content-encoding ${JSON.stringify(encoding)} is not unpacked; send the events as they are`,
    );
  const strange = query.keys().find((name) => !known.includes(name));
  if (strange !== undefined)
    throw invalid(`${JSON.stringify(strange.slice(0, 64))} is no parameter; there are ${known.join(', ')}`);
  const raw = query.get('raw') ?? '0';
  const isRaw = flags[raw.toLowerCase()];
  if (isRaw === undefined) throw invalid(`raw=${JSON.stringify(raw)}: expected raw=1 or raw=0`);
  const as = query.get('topic') ?? undefined;
  if (as !== undefined) checkTopic(as);
  return { form, raw: isRaw, as };
}

const forms = 'take application/json for one or an array of them, application/x-ndjson for one a line';

const invalid = (message: string) => new GreenroomError('invalid_request', message);
