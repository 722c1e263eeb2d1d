// What a scripted upstream is given, checked: one that behaves well by a misspelling makes a test that tests nothing. Pure;
// throws `bad_usage`.
import { aString, check, checkAll, isFields, type Rule, type Rules } from '../../client/given.ts';
import type { ResponseKind } from './responses.ts';
import type { ScriptedUpstreamOptions } from './scripted-upstream.ts';

function oneOf(...words: readonly string[]): Rule {
  return { expected: `one of ${words.join(', ')}`, fits: (given) => words.includes(given as string) };
}

const answer = oneOf('speech', 'text', 'call');
const fields =
  (...names: readonly string[]) =>
  (given: unknown): boolean =>
    isFields(given) &&
    Object.keys(given).length === names.length &&
    names.every((name) => aString.fits(given[name]));

const rules: Rules<ScriptedUpstreamOptions> = {
  tls: { expected: '{ cert, key }, each as PEM', fits: fields('cert', 'key'), secret: true },
  refuses: {
    expected: '{ status: 400 to 599, body: a string }',
    fits: (given) => {
      if (!isFields(given) || !aString.fits(given['body']) || Object.keys(given).length !== 2) return false;
      const { status } = given;
      return Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599;
    },
  },
  opens: oneOf('at once', 'never', 'mute'),
  responds: oneOf('at once', 'told'),
  answers: answer,
  voices: {
    expected: 'a list of strings',
    fits: (given) => Array.isArray(given) && given.every((each) => aString.fits(each)),
  },
};

export const stagesRule: Rule = {
  expected: 'a whole number above 0',
  fits: (stages) => Number.isInteger(stages) && Number(stages) > 0,
};

export function checkedUpstream(given: ScriptedUpstreamOptions): ScriptedUpstreamOptions {
  return checkAll('', given, rules);
}

export function checkedAnswer(kind: ResponseKind): ResponseKind {
  check('answers', kind, answer);
  return kind;
}
