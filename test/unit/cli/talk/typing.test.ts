import { describe, expect, test } from 'vitest';
import {
  firstTyping,
  press,
  submit,
  type Typing,
  type TypingAction,
} from '../../../../src/cli/talk/typing.ts';

const named: Readonly<Record<string, string>> = {
  ' ': 'space',
  '\r': 'return',
  '\u007F': 'backspace',
  '\u001B': 'escape',
};

/** `^c` is Ctrl+C; everything else is what the key writes. */
function type(keys: readonly string[], microphone: 'there' | 'none' = 'there') {
  let typing: Typing = firstTyping(microphone);
  const actions: TypingAction[] = [];
  for (const text of keys.flatMap((key) => (key.startsWith('^') ? [key] : [...key]))) {
    const ctrl = text.startsWith('^');
    const key = ctrl ? { name: text[1], ctrl, text: '' } : { name: named[text], text };
    const step = press(typing, key, microphone);
    typing = step.typing;
    if (step.action.do !== 'nothing') actions.push(step.action);
  }
  return { ...typing, actions };
}

describe('the keys', () => {
  test('space goes to typing and back; within a line it is a space', () => {
    expect(type([' '])).toMatchObject({ mode: 'typing', line: '' });
    expect(type([' ', ' '])).toMatchObject({ mode: 'voice' });
    expect(type([' a b'])).toMatchObject({ mode: 'typing', line: 'a b' });
  });

  test('a line is said, and the next one can be typed', () => {
    expect(type([' hello there\r'])).toEqual({
      ...{ mode: 'typing', line: '' },
      actions: [{ do: 'say', text: 'hello there' }],
    });
    expect(type([' hello\r '])).toMatchObject({ mode: 'voice' });
  });

  test('/quit leaves, from either mode; an unknown command is told with those there are', () => {
    expect(type(['/quit\r']).actions).toEqual([{ do: 'leave' }]);
    expect(type([' /quit\r']).actions).toEqual([{ do: 'leave' }]);
    expect(type([' /frob it\r']).actions).toEqual([
      { do: 'explain', text: 'unknown command: /frob; there is /quit; anything else is said as it is typed' },
    ]);
  });

  test('while somebody speaks, letters do nothing', () => {
    expect(type(['hello'])).toEqual({ mode: 'voice', line: '', actions: [] });
  });

  test('escape and an empty line go back to speaking; without a microphone there is nowhere to go', () => {
    expect(type([' abc\u001B'])).toMatchObject({ mode: 'voice', line: '' });
    expect(type([' \r'])).toMatchObject({ mode: 'voice' });
    expect(type([' \r\u001B'], 'none')).toMatchObject({ mode: 'typing', line: '' });
  });

  test('backspace takes what a person sees as one character; ^u all, ^w a word', () => {
    expect(type([' e\u0301a\u007F\u007F'])).toMatchObject({ line: '' });
    expect(type([' 한국👩‍👩‍👧\u007F'])).toMatchObject({ line: '한국' });
    expect(type([' one two', '^w'])).toMatchObject({ line: 'one ' });
    expect(type([' one two', '^u'])).toMatchObject({ line: '' });
  });

  test('^c leaves always, ^d on an empty line', () => {
    expect(type(['^c']).actions).toEqual([{ do: 'leave' }]);
    expect(type([' abc', '^c']).actions).toEqual([{ do: 'leave' }]);
    expect(type([' abc', '^d']).actions).toEqual([]);
    expect(type(['^d']).actions).toEqual([{ do: 'leave' }]);
  });

  test('arrows and the like write nothing', () => {
    const { typing } = press({ mode: 'typing', line: 'a' }, { name: 'left', text: '\u001B[D' }, 'there');
    expect(typing.line).toBe('a');
  });
});

test('a line from a pipe is a line', () => {
  expect(submit('hello').action).toEqual({ do: 'say', text: 'hello' });
  expect(submit('/quit').action).toEqual({ do: 'leave' });
});
