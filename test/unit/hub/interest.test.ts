// Many patterns at once mean what each of them means by itself.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Interest } from '../../../src/hub/interest.ts';
import { matches } from '../../../src/hub/topic.ts';
import { Topic } from '../../../src/hub/topics.ts';

const token = fc.constantFrom('a', 'b', 'greenroom', 'x y');
const topic = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([tokens, rest]) => [...tokens, ...(rest || tokens.length === 0 ? ['>'] : [])].join('.'));
const isOpen = (name: string) => !/^greenroom(\.|$)/.test(name);

test('a set of patterns wants what one of them matches', () => {
  fc.assert(
    fc.property(
      fc.array(pattern.filter(isOpen), { maxLength: 6 }),
      topic.filter(isOpen),
      (patterns, name) => {
        const wanted = patterns.some((each) => matches(each, name));
        expect(Interest.of(patterns).wants(new Topic(name))).toBe(wanted);
      },
    ),
    { numRuns: 2000 },
  );
});

test.each([
  [['*.a', '*'], 'greenroom.a', false],
  [['greenroom.*'], 'greenroom.a', true],
  [['greenroom.*.b'], 'greenroom.a.b', true],
  [['greenroom.engine.>', 'greenroom.x'], 'greenroom.session.a', false],
  [[], 'a', false],
] as const)('%j of %s: %s', (patterns, name, wanted) => {
  expect(Interest.of(patterns).wants(new Topic(name))).toBe(wanted);
});

test('wildcards cost what they have tokens, and have a limit for that', () => {
  const deep = (tokens: number) =>
    Array.from({ length: 256 }, (_, n) =>
      [`*.a${n}`, ...Array.from({ length: tokens - 2 }, () => '*')].join('.'),
    );
  expect(Interest.of(deep(16)).patterns).toHaveLength(256);
  expect(() => Interest.of(deep(17))).toThrow('4096 tokens at most, and these have 4352');
});
