// What is said of what is written.
import { describe, expect, test } from 'vitest';
import { moreText, noSentences } from '../../../src/pipelines/sentences.ts';
import { spokenText, type Within } from '../../../src/pipelines/spoken-text.ts';

const said = (text: string) => spokenText(text, 'prose').text;

describe('is said without its marks', () => {
  test.each([
    ['**Bold** and *slanted* and __bold__ and _slanted_. ', 'Bold and slanted and bold and slanted. '],
    ['***Both.*** Here. ', 'Both. Here. '],
    ['**Note:** go.', 'Note: go.'],
    ['un*frigging*believable', 'unfriggingbelievable'],
    ['It is ~~not~~ `code`.', 'It is not code.'],
    ['## A heading\n', 'A heading\n'],
    ['- one\n', 'one\n'],
    ['* [x] done\n', 'done\n'],
    ['> > quoted\n', 'quoted\n'],
    ['1. first\n', '1. first\n'],
    ['See [the docs](https://a.b/c_d "Title") now.', 'See the docs now.'],
    ['![A cat](cat.png) here', 'A cat here'],
    ['Read on](https://a.b/c).', 'Read on.'],
    ['Go to <https://a.b/c>.', 'Go to https://a.b/c.'],
    ['| Name | Age |\n', 'Name, Age\n'],
    ['5\\*3', '5*3'],
  ])('%j', (written, spoken) => {
    expect(said(written)).toBe(spoken);
  });
});

test.each(['---\n', '* * *', '|---|:--:|\n', '😀', '```ts\n', '🇩🇪 👩‍👩‍👧 ❤️'])(
  'nothing is said of %j',
  (written) => {
    expect(said(written)).toBe('');
  },
);

test.each([
  ['Great 😀! ', 'Great! '],
  ['Good 👍🏽 work', 'Good work'],
  ['👋 Hello', 'Hello'],
  ['Press 1️⃣ now', 'Press 1 now'],
])('emoji are left out: %j', (written, spoken) => {
  expect(said(written)).toBe(spoken);
});

test.each([
  'It is 2 * 3, or 2*3, or 2**3, or 5 - 3. ',
  'Set snake_case to 1_000. ',
  'At https://a.b/x_y_z?q=*1* and www.a_b.com. ',
  '© 2026 Acme™: A → B, 20 °C, 50 %, #1, C#. ',
  'Ein Straße, naïve, 日本語。',
  'a [b] c (d)',
])('%j is said as it is', (written) => {
  expect(said(written)).toBe(written);
});

test('a block of code is said without its fences, and nothing in it is a mark, whatever piece it comes in', () => {
  const text = 'Do this:\n```sh\nls *.ts | wc_\n```\nThen **go**.\n';
  let within: Within = 'prose';
  let spoken = '';
  for (const sentence of moreText(noSentences, text).sentences) {
    const piece = spokenText(sentence, within);
    within = piece.within;
    spoken += piece.text;
  }
  expect(spoken).toBe('Do this:\nls *.ts | wc_\nThen go.\n');
});

test('a text that is nothing but marks takes no time', () => {
  const began = process.cpuUsage().user;
  for (const mark of ['*', '_', '[', '`', '|', '> ', '![', '😀', '\\', '-', ']('])
    said(mark.repeat(20_000 / mark.length));
  expect((process.cpuUsage().user - began) / 1000).toBeLessThan(2000);
});
