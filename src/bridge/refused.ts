// Why an upstream did not let us in, in one line.
import { objectAt, textAt } from '../wire/json.ts';

export const refusedBodyMax = 64 * 1024;
const reasonCharsMax = 500;

/** `HTTP 401: Incorrect API key provided`. */
export function refusalOf(status: number, body: string): string {
  const reason = reasonIn(body)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return `HTTP ${status}${reason ? `: ${reason.slice(0, reasonCharsMax)}` : ''}`;
}

function reasonIn(body: string): string {
  try {
    const given: unknown = JSON.parse(body);
    const error = objectAt(given, 'error') ?? objectAt(given);
    return textAt(error, 'message') ?? textAt(objectAt(given), 'error') ?? '';
  } catch {
    // Not JSON: a page is no reason, a line is.
    return body.includes('<') ? '' : body;
  }
}

/** Without the keys, which servers like to repeat. */
export function masked(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}
