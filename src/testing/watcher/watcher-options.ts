// What a misbehaving watcher is given, checked: one that behaves well by a misspelling makes a test that tests nothing.
// Pure; throws `bad_usage`.
import { anObject, aString, check, checkAll, isFields, type Rule, type Rules } from '../../client/given.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Misbehaviour, SlowWatcherOptions } from './slow-watcher.ts';

const words = ['well', 'stalled', 'never-ponging', 'vanishing'];

const misbehaviour: Rule = {
  expected: `one of ${words.join(', ')}, or { bytesPerSecond } above 0`,
  fits: (how) =>
    words.includes(how as string) ||
    (isFields(how) && Number.isFinite(how['bytesPerSecond']) && Number(how['bytesPerSecond']) > 0),
};
const httpAddress: Rule = {
  expected: 'an http: or https: URL',
  fits: (url) => typeof url === 'string' && /^https?:$/.test(URL.parse(url)?.protocol ?? ''),
};
const transport: Rule = {
  expected: '"websocket" or "sse"',
  fits: (given) => given === 'websocket' || given === 'sse',
};
const strings: Rule = {
  expected: 'a list of strings',
  fits: (given) => Array.isArray(given) && given.every((each) => typeof each === 'string'),
};

const rules: Rules<SlowWatcherOptions> = {
  url: httpAddress,
  topics: strings,
  since: aString,
  client: aString,
  token: { ...aString, secret: true },
  query: anObject,
  transport,
  how: misbehaviour,
  headers: anObject,
  ca: aString,
};

export function checkedWatcher(given: SlowWatcherOptions): SlowWatcherOptions {
  const options = checkAll('', given, rules);
  check('url', options.url, httpAddress);
  checkHow(options.how, options);
  return options;
}

/** Server-sent events have no pings that one could leave unanswered, unless they are asked for. */
export function checkHow(
  how: Misbehaviour | undefined,
  { transport: given, query }: Pick<SlowWatcherOptions, 'transport' | 'query'>,
): void {
  if (how !== undefined) check('how', how, misbehaviour);
  if (how !== 'never-ponging' || given !== 'sse' || query?.['ping'] !== undefined) return;
  throw new GreenroomError(
    'bad_usage',
    'how: "never-ponging" needs pings: transport "websocket", or query: { ping: "1" }',
  );
}
