// `greenroom records`: the sessions that a gateway has kept, the newest first, and those in which something was said.
import { formatAge } from '../config/units.ts';
import type { SessionShown } from '../gateway/session-library.ts';
import { type Clock, systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { Scope } from '../lifecycle/scope.ts';
import type { CommandIo } from './io.ts';
import { type AdminOptions, adminQuestion, answerTo } from './records/asking.ts';

export interface RecordsOptions extends AdminOptions {
  /** `open`, `ended` or `all`. Default `all`. */
  readonly state?: string | undefined;
  readonly pipeline?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** Default 20. */
  readonly limit?: number | undefined;
  readonly json?: boolean | undefined;
}

const limitDefault = 20;
/** An answer that is larger is not read to its end. */
const limitMax = 100;
const answerWithinMs = 10_000;

/** Returns 0, also when nothing was found. Throws what keeps it from looking: `gateway_unreachable`, a refusal. */
export async function records(
  words: readonly string[],
  options: RecordsOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<number> {
  const { json = false } = options;
  const scope = new Scope('records', { clock, kind: 'command' });
  const interrupt = () => void scope.close('done');
  io.signal.addEventListener('abort', interrupt, { once: true });
  try {
    const question = await adminQuestion(`/api/sessions?${queryOf(words, options)}`, options, io);
    const text = await answerTo(question, scope, answerWithinMs);
    const { data, nextCursor } = listIn(text, question.url);
    for (const session of data) {
      if (json) io.out(JSON.stringify({ event: 'session', ...session }));
      else for (const line of linesOf(session)) io.out(line);
    }
    if (data.length === 0) io.err(words.length > 0 ? 'nothing was found' : 'no session is known');
    if (nextCursor !== null) io.err(`there are more: --limit (up to ${limitMax}), or --until`);
    return 0;
  } finally {
    io.signal.removeEventListener('abort', interrupt);
    await scope.close('done');
  }
}

function queryOf(words: readonly string[], options: RecordsOptions): URLSearchParams {
  const { state = 'all', pipeline, since, until, limit = limitDefault } = options;
  if (limit > limitMax)
    throw new GreenroomError(
      'bad_usage',
      `--limit: ${limitMax} at most, got ${limit}; --until has what was before`,
    );
  const q = words.length > 0 ? words.join(' ') : undefined;
  const given = Object.entries({ state, pipeline, since, until, q, limit: String(limit) });
  return new URLSearchParams(given.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

interface List {
  readonly data: readonly SessionShown[];
  readonly nextCursor: string | null;
}

function listIn(text: string, url: URL): List {
  try {
    const list = JSON.parse(text) as Partial<List> | null;
    if (Array.isArray(list?.data)) return { data: list.data, nextCursor: list.nextCursor ?? null };
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
  }
  const message = `${url.origin} does not answer as a gateway of this version does`;
  throw new GreenroomError('gateway_unreachable', message, { details: { url: url.origin } });
}

function linesOf(session: SessionShown): readonly string[] {
  const { id, openedAtMs, state, ageMs, items, pipeline, recordings, reason, matches = [] } = session;
  const opened = new Date(openedAtMs).toISOString().slice(0, 19).replace('T', ' ');
  const parts = [
    ...[id, `${opened}Z`, state, formatAge(Math.round(ageMs)), `${items} items`, pipeline],
    recordings ? `${recordings} recorded` : undefined,
    reason ?? undefined,
  ];
  const found = matches.map(
    ({ role, excerpt }) => `    ${speakers[role ?? ''] ?? role ?? 'call'}: ${excerpt}`,
  );
  return [parts.filter((part) => part !== undefined).join('  '), ...found];
}

const speakers: Readonly<Record<string, string>> = {
  user: 'Caller',
  assistant: 'Assistant',
  system: 'System',
};
