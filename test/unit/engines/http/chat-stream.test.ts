import { describe, expect, test } from 'vitest';
import { ChatStream } from '../../../../src/engines/http/chat-stream.ts';

const delta = (message: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta: message, finish_reason: finish }],
});

function parts(...chunks: readonly unknown[]) {
  const stream = new ChatStream();
  const events = chunks.flatMap((chunk) => stream.push(chunk));
  return { parts: [...events, ...stream.end()], said: stream.said, ended: stream.ended };
}

describe('the chunks of a chat', () => {
  test('are its text as it comes, and how it ended with its usage, last', () => {
    const usage = { prompt_tokens: 3, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 0 } };
    const got = parts(
      delta({ role: 'assistant', content: null }),
      delta({ content: 'Hel' }),
      delta({ content: '' }),
      delta({ content: 'lo' }, 'stop'),
      { choices: [], usage },
    );
    expect(got).toEqual({
      parts: [
        { text: 'Hel' },
        { text: 'lo' },
        { finish: 'stop', usage: { prompt_tokens: 3, completion_tokens: 2 } },
      ],
      ...{ said: 'something', ended: true },
    });
  });

  test('of tools are gathered by their index, whatever the order, and told when they are complete', () => {
    const call = (index: number, fields: object) => delta({ tool_calls: [{ index, ...fields }] });
    const got = parts(
      call(1, { id: 'b', type: 'function', function: { name: 'second', arguments: '' } }),
      call(0, { id: 'a', function: { name: 'first', arguments: '{"x"' } }),
      call(0, { function: { arguments: ':1}' } }),
      call(1, { function: { arguments: '{}' } }),
      delta({}, 'tool_calls'),
    );
    expect(got.parts).toEqual([
      { toolCall: { id: 'a', name: 'first', arguments: '{"x":1}' } },
      { toolCall: { id: 'b', name: 'second', arguments: '{}' } },
      { finish: 'tool_calls' },
    ]);
    expect(got.said).toBe('something');
  });

  test('in one piece are understood as well, with arguments that are an object, and no ids', () => {
    const got = parts({
      choices: [
        {
          message: {
            content: 'Hi',
            tool_calls: [{ function: { name: 'f', arguments: { x: 1 } } }, { function: { name: 'g' } }],
          },
          finish_reason: 'stop',
        },
      ],
    });
    expect(got.parts).toEqual([
      { text: 'Hi' },
      { toolCall: { id: 'call_0', name: 'f', arguments: '{"x":1}' } },
      { toolCall: { id: 'call_1', name: 'g', arguments: '' } },
      { finish: 'stop' },
    ]);
  });

  test.each(['reasoning', 'reasoning_content'])('that think (%s) say something', (name) => {
    const got = parts(delta({ [name]: 'hm' }), delta({}, 'length'));
    expect(got.parts).toEqual([{ thought: 'hm' }, { finish: 'length' }]);
    expect(got.said).toBe('something');
  });

  test('may be none at all', () => {
    expect(parts(delta({ content: '' }, 'stop'))).toMatchObject({ said: 'nothing', ended: true });
    expect(parts()).toMatchObject({ said: 'nothing', ended: false });
    expect(parts({}, { choices: null }, { choices: [null] })).toMatchObject({ said: 'nothing' });
  });

  test.each([
    [{ error: { message: 'out of memory', code: 500 } }, 'out of memory'],
    [{ error: 'too long' }, 'too long'],
    [{ error: { code: 7 } }, '{"code":7}'],
    ['text', 'a chunk that is no object'],
    [null, 'a chunk that is no object'],
    [[1], 'a chunk that is no object'],
  ])('that are a failure (%j) say which', (chunk, message) => {
    expect(() => new ChatStream().push(chunk)).toThrow(message);
  });

  test('are bounded: neither endless arguments nor endless calls', () => {
    const endless = new ChatStream();
    const more = { tool_calls: [{ index: 0, function: { arguments: 'x'.repeat(1_000_000) } }] };
    expect(() => {
      for (let count = 0; count < 10; count += 1) endless.push(delta(more));
    }).toThrow('arguments of tools of more than 4194304 characters');
    const many = new ChatStream();
    expect(() => {
      for (let index = 0; index < 2000; index += 1) many.push(delta({ tool_calls: [{ index }] }));
    }).toThrow('more than 1024 calls of tools');
  });
});
