// What an engine said, read as a result; and what it is asked.
import { describe, expect, test } from 'vitest';
import { askedAgain, hasCaller, taskQuestion } from '../../../src/tasks/question.ts';
import { resultReader } from '../../../src/tasks/result.ts';
import { summaryInstructions } from '../../../src/tasks/summary.ts';
import type { Item } from '../../../src/wire/items.ts';

const schema = {
  type: 'object',
  properties: { level: { enum: ['B1', 'B2'] }, rating: { type: 'integer', minimum: 1, maximum: 10 } },
  required: ['level'],
  additionalProperties: false,
};

describe('a result', () => {
  test.each([
    ['{"level":"B2","rating":7}', { level: 'B2', rating: 7 }],
    ['\n{"level":"B1"}\n', { level: 'B1' }],
    ['```json\n{"level":"B1"}\n```', { level: 'B1' }],
    ['```\n{"level":"B1"}\n```\n', { level: 'B1' }],
  ])('is taken: %j', (text, value) => {
    expect(resultReader(schema)(text)).toEqual({ state: 'fits', value });
  });

  test.each([
    ['', /it is not JSON/],
    ['It is B2.', /it is not JSON/],
    ['{"level":"B2"', /it is not JSON/],
    ['{"level":"C9"}', /^level: /],
    ['{"level":"B2","rating":11}', /^rating: .*10/],
    ['{"rating":1}', /^level: /],
    ['{"level":"B2","more":1}', /more/],
    ['[]', /object/],
  ])('is refused, with what is wrong: %j', (text, why) => {
    expect(resultReader(schema)(text)).toEqual({ state: 'wrong', why: expect.stringMatching(why) });
  });

  test('is text where there is no schema, but not nothing', () => {
    const read = resultReader(undefined);
    expect(read(' Well done. ')).toEqual({ state: 'fits', value: 'Well done.' });
    expect(read(' \n')).toEqual({ state: 'wrong', why: 'the answer is empty' });
  });
});

const message = (role: 'user' | 'assistant', text: string | null): Item => ({
  ...{ id: text ?? 'x', object: 'realtime.item', type: 'message', status: 'completed', role },
  content: [text === null ? { type: 'input_audio', transcript: null } : { type: 'input_text', text }],
});

describe('the question', () => {
  const call: Item = {
    ...{ id: 'c', object: 'realtime.item', type: 'function_call', status: 'completed' },
    ...{ call_id: 'call_1', name: 'weather', arguments: '{"city":"Bern"}' },
  };
  const transcript = [
    message('user', 'Hello.'),
    message('user', null),
    call,
    message('assistant', 'Good day.'),
  ];

  test('has the instructions, the form, and the conversation as one text, without what nobody knows', () => {
    const asked = taskQuestion({ instructions: 'Assess.', schema, transcript });
    expect(asked).toEqual([
      {
        role: 'system',
        content: `Assess.\n\nAnswer with JSON alone, that fits this JSON schema:\n${JSON.stringify(schema)}`,
      },
      {
        role: 'user',
        content:
          'The conversation:\n\nuser: Hello.\nassistant calls weather: {"city":"Bern"}\nassistant: Good day.',
      },
    ]);
    expect(askedAgain(asked, 'B2', 'it is not JSON').slice(2)).toEqual([
      { role: 'assistant', content: 'B2' },
      { role: 'user', content: expect.stringContaining('it is not JSON') },
    ]);
  });

  test('says that nothing was said; nobody has called then', () => {
    expect(
      taskQuestion({ instructions: 'Assess.', schema: undefined, transcript: [] })[1]?.content,
    ).toContain('Nothing was said');
    expect([
      hasCaller([]),
      hasCaller([message('user', null)]),
      hasCaller([message('assistant', 'Hi.')]),
    ]).toEqual([false, false, false]);
    expect(hasCaller(transcript)).toBe(true);
  });
});

test('a summary is asked for with the result; of a very long one its beginning', () => {
  const plan = { voice: undefined, instructions: 'Be kind.' };
  expect(summaryInstructions('assessment', plan, { level: 'B2' })).toBe(
    'Be kind.\n\nThe result of assessment:\n{"level":"B2"}',
  );
  expect(summaryInstructions('a', plan, 'x'.repeat(100_000)).length).toBeLessThan(17_000);
});
