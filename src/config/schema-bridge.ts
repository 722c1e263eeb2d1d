// Where the upstream of a `kind: bridge` pipeline is, and what is sent along.
import * as z from 'zod';
import type { Parsed } from './units.ts';

const example = 'expected an address such as wss://host/v1/realtime?model=NAME';

/** `http` and `https` mean the same; what stands in the path and query is upstream's. Problems do not show what was written. */
function parseBridgeUrl(written: unknown): Parsed<string> {
  const parsed = typeof written === 'string' ? URL.parse(written.trim()) : null;
  if (parsed === null)
    return { ok: false, problem: `${written === undefined ? 'is missing; ' : ''}${example}` };
  if (!/^(?:ws|http)s?:$/.test(parsed.protocol))
    return { ok: false, problem: `${example}: wss://, ws://, https:// or http://, not ${parsed.protocol}` };
  if (parsed.username !== '' || parsed.password !== '')
    return { ok: false, problem: 'an address without name and password: a key goes into `key`' };
  if (parsed.hash !== '') return { ok: false, problem: `${example}, without #` };
  parsed.protocol = parsed.protocol.replace('http', 'ws');
  return { ok: true, value: parsed.href };
}

export const bridgeUrl = z
  .unknown()
  .transform((written, context): string => {
    const parsed = parseBridgeUrl(written);
    if (parsed.ok) return parsed.value;
    context.issues.push({ code: 'custom', message: parsed.problem, input: written });
    return z.NEVER;
  })
  .meta({ description: 'Address of the Realtime server, with its model.', type: 'string' });

/** Ours to say, or never to be said: the shape of the beta is not spoken upstream. */
const refused =
  /^(?:authorization|openai-beta|host|connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/;

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'expected the name of a header')
  .refine((name) => !refused.test(name.toLowerCase()), {
    error: 'is not sent: a key goes into `key`, and the rest is of the connection itself',
  });

export const bridgeHeaders = z
  .record(
    headerName,
    z
      .string()
      .regex(/^[^\r\n\0]{0,4096}$/, 'expected one line')
      .describe('A value, or env:NAME.'),
  )
  .describe('Further headers of the upgrade, by name.')
  .default({});
