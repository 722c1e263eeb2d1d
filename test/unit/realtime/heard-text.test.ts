// How much of a text was heard, by how much of its audio was.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerText, fillerText, heardText, type SpokenPiece } from '../../../src/realtime/heard-text.ts';

const pieces: readonly SpokenPiece[] = [
  { fromChar: 0, fromSample: 0 },
  { fromChar: 12, fromSample: 12_000 },
];
const text = 'One two six. Nine ten?';
const heard = (heardSamples: number, last: 'whole' | 'cut' = 'whole') =>
  heardText(text, pieces, { samples: 22_000, heardSamples, last });

describe('of two sentences', () => {
  test.each([
    [0, null],
    [2999, null],
    [3000, 'One'],
    [6900, 'One'],
    [7000, 'One two'],
    [11_000, 'One two six'],
    [12_000, 'One two six.'],
    [16_900, 'One two six.'],
    [17_000, 'One two six. Nine'],
    [22_000, text],
    [90_000, text],
  ])('%i samples are so much', (samples, words) => {
    expect(heard(samples)).toBe(words);
  });
});

test('of a sentence whose speech is not all there, the rest is reckoned at the pace of those before', () => {
  // 10 characters at 1000 samples each, of which 5000 were sent.
  const sent = { samples: 17_000, heardSamples: 17_000, last: 'cut' as const };
  expect(heardText(text, pieces, sent)).toBe('One two six. Nine');
  // The first: at 1600 samples a character.
  const first = [{ fromChar: 0, fromSample: 0 }];
  expect(heardText('One two six.', first, { samples: 11_200, heardSamples: 11_200, last: 'cut' })).toBe(
    'One two',
  );
  expect(heardText('One two six.', first, { samples: 40_000, heardSamples: 40_000, last: 'cut' })).toBe(
    'One two six.',
  );
});

test('words of languages without blanks are words', () => {
  const said = '今日は天気がいいですね。';
  const half = heardText(said, [{ fromChar: 0, fromSample: 0 }], { samples: 1200, heardSamples: 500 });
  expect(half).toBe('今日は天気');
});

test('what is heard is the beginning, ends with a word, and is never less of more', () => {
  const sentences = fc.array(fc.tuple(fc.lorem({ maxCount: 8 }), fc.integer({ min: 1, max: 50_000 })), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(
      sentences,
      fc.float({ min: 0, max: 1, noNaN: true }),
      fc.float({ min: 0, max: 1, noNaN: true }),
      (said, a, b) => {
        let [all, samples] = ['', 0];
        const cuts: SpokenPiece[] = [];
        for (const [words, length] of said) {
          cuts.push({ fromChar: all.length, fromSample: samples });
          all += `${words}. `;
          samples += length;
        }
        const [less = '', more = ''] = [Math.min(a, b), Math.max(a, b)].map(
          (share) => heardText(all, cuts, { samples, heardSamples: Math.floor(samples * share) }) ?? '',
        );
        expect(all.startsWith(more)).toBe(true);
        expect(more.startsWith(less)).toBe(true);
        expect(/\w$/.test(less) && /^\w/.test(all.slice(less.length))).toBe(false);
      },
    ),
  );
});

test('a filler is told from the answer, cut or not', () => {
  const filled: readonly SpokenPiece[] = [
    { fromChar: 0, fromSample: 0, part: 'filler' },
    { fromChar: 5, fromSample: 100, part: 'sentence' },
  ];
  expect(fillerText('Well. Yes.', filled)).toBe('Well.');
  expect(answerText('Well. Yes.', filled)).toBe(' Yes.');
  expect(answerText('We', filled)).toBe('');
  expect(answerText('Yes.', [{ fromChar: 0, fromSample: 0 }])).toBe('Yes.');
});
