import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endOfText, moreText, noSentences } from '../../../src/pipelines/sentences.ts';

/** The pieces of a text that comes in these parts. */
function cut(...parts: readonly string[]): string[] {
  const pieces: string[] = [];
  let state = noSentences;
  for (const part of parts) {
    const more = moreText(state, part);
    pieces.push(...more.sentences);
    state = more.state;
  }
  return [...pieces, ...endOfText(state)];
}

describe('a text is cut into what can be spoken', () => {
  test.each<readonly [string, ...string[]]>([
    ['Hello. How are you? Fine! ', 'Hello. ', 'How are you? ', 'Fine! '],
    ['No end', 'No end'],
    ['It is 3.14 or 1,000.50 in all. Yes.', 'It is 3.14 or 1,000.50 in all. ', 'Yes.'],
    ['Dr. Smith met Mrs. J. R. Jones. He left.', 'Dr. Smith met Mrs. J. R. Jones. ', 'He left.'],
    ['Use tools, e.g. a saw, at 5 p.m. today. Done.', 'Use tools, e.g. a saw, at 5 p.m. today. ', 'Done.'],
    ['See example.com or v1.2.3. Then go.', 'See example.com or v1.2.3. ', 'Then go.'],
    ['It was 2024. Then came I. You know.', 'It was 2024. ', 'Then came I. ', 'You know.'],
    ['It is No. 5 of p. 12. I say no. Or yes.', 'It is No. 5 of p. 12. ', 'I say no. ', 'Or yes.'],
    ['1. Take it. 2. Eat it.', '1. Take it. ', '2. Eat it.'],
    ['She said “Go!” He went. (He ran.) Fast.', 'She said “Go!” ', 'He went. ', '(He ran.) ', 'Fast.'],
    ['**Bold.** Plain.', '**Bold.** ', 'Plain.'],
    ['Wait... what?! Really.', 'Wait... ', 'what?! ', 'Really.'],
    ['你好。你是谁？我是「小明。」再见', '你好。', '你是谁？', '我是「小明。」', '再见'],
    ['A list:\n- one\n- two\n\nEnd.', 'A list:\n', '- one\n', '- two\n', '\nEnd.'],
    ['... and so on. Good.', '... and so on. ', 'Good.'],
    ['Das sind z.B. Äpfel bzw. Birnen. Gut.', 'Das sind z.B. Äpfel bzw. Birnen. ', 'Gut.'],
    ['👋 Hi! 👋', '👋 Hi! ', '👋'],
  ])('%s', (text, ...pieces) => {
    expect(cut(text)).toEqual(pieces);
  });

  test('the first one ends early, with a clause that is worth it; later ones do not', () => {
    const clauses =
      'Well, the answer to your question, which is a good one, is no. And this, which is long enough as well, is one.';
    expect(cut(clauses)).toEqual([
      'Well, the answer to your question, ',
      'which is a good one, is no. ',
      'And this, which is long enough as well, is one.',
    ]);
  });

  test('one without an end is cut where a voice takes breath, and never within a character', () => {
    const words = 'word '.repeat(120);
    for (const piece of cut(words)) expect(piece).toMatch(/^(?:word )+$/);
    expect(cut(words).length).toBe(3);
    const listed = cut(`${'a'.repeat(20)} ${'b '.repeat(70)}, ${'c '.repeat(60)}`);
    expect(listed[0]).toMatch(/, $/);
    for (const piece of cut('🦊'.repeat(400))) expect(piece.isWellFormed()).toBe(true);
  });

  test('as soon as its end is sure', () => {
    expect(moreText(noSentences, 'Hello.').sentences).toEqual([]);
    expect(moreText(noSentences, 'Hello. ').sentences).toEqual(['Hello. ']);
  });
});

test('however it comes, the pieces are the same, and together they are the text', () => {
  const piece = fc.constantFrom(
    ...[
      'Hello',
      ' ',
      '.',
      '. ',
      '?',
      '! ',
      ', ',
      '”',
      '\n',
      '3.14',
      'Dr.',
      '。',
      '、',
      '🦊',
      'e.g. ',
      'x'.repeat(90),
    ],
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), (parts) => {
      const text = parts.join('');
      const whole = cut(text);
      expect(whole.join('')).toBe(text);
      expect(cut(...parts)).toEqual(whole);
      expect(cut(...text)).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});
