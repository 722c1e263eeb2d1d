// The address of somebody else's engine: what stands before `/v1/...`. Pure.
import type { Parsed } from './units.ts';

const example = 'expected an address such as http://127.0.0.1:8000';

/** Without a slash at its end, and without the `/v1` that people copy along. Problems do not show what was written. */
export function parseEngineUrl(written: string): Parsed<string> {
  const parsed = URL.parse(written.trim());
  if (parsed === null) return { ok: false, problem: example };
  if (!/^https?:$/.test(parsed.protocol))
    return { ok: false, problem: `${example}: http:// or https://, not ${parsed.protocol}` };
  if (parsed.username !== '' || parsed.password !== '')
    return { ok: false, problem: 'an address without name and password: a key goes into `key`' };
  if (parsed.search !== '' || parsed.hash !== '')
    return { ok: false, problem: `${example}, without ? and #` };
  const path = parsed.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return { ok: true, value: `${parsed.origin}${path}` };
}
