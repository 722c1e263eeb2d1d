// What a person at the keys means: pure. With a microphone, space goes between speaking and typing; a line that begins
// with a slash is a command.

export interface Typing {
  readonly mode: 'voice' | 'typing';
  readonly line: string;
}

/** As Node's readline gives it. */
export interface Key {
  readonly name?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
  /** What it writes, if anything. */
  readonly text: string;
}

export type TypingAction =
  | { readonly do: 'nothing' }
  | { readonly do: 'say'; readonly text: string }
  | { readonly do: 'leave' }
  | { readonly do: 'explain'; readonly text: string };

export interface TypingStep {
  readonly typing: Typing;
  readonly action: TypingAction;
}

const commandHelp = 'there is /quit; anything else is said as it is typed';
const lineCharactersMax = 4000;
const graphemes = new Intl.Segmenter();

export function firstTyping(microphone: 'there' | 'none'): Typing {
  return { mode: microphone === 'there' ? 'voice' : 'typing', line: '' };
}

export function press(typing: Typing, key: Key, microphone: 'there' | 'none'): TypingStep {
  const { mode, line } = typing;
  if (key.ctrl && key.name === 'c') return { typing, action: { do: 'leave' } };
  if (key.ctrl && key.name === 'd' && line === '') return { typing, action: { do: 'leave' } };
  if (mode === 'voice') {
    const begins = key.name === 'space' || key.name === 'return' || key.text === '/';
    return begins ? only({ mode: 'typing', line: key.text === '/' ? '/' : '' }) : only(typing);
  }
  const voice = () => only(microphone === 'there' ? { mode: 'voice', line: '' } : { mode, line: '' });
  switch (key.name) {
    case 'return':
    case 'enter':
      return line.trim() === '' ? voice() : submit(line.trim());
    case 'escape':
      return voice();
    case 'backspace':
      return only({ mode, line: withoutLast(line) });
  }
  if (key.ctrl && key.name === 'u') return only({ mode, line: '' });
  if (key.ctrl && key.name === 'w') return only({ mode, line: line.replace(/\S*\s*$/, '') });
  if (key.text === ' ' && line === '') return voice();
  if (key.ctrl || key.meta || !isText(key.text)) return only(typing);
  const longer = line + key.text;
  return only(longer.length > lineCharactersMax ? typing : { mode, line: longer });
}

/** A whole line, as from a pipe. */
export function submit(line: string): TypingStep {
  const typing: Typing = { mode: 'typing', line: '' };
  if (line === '/quit') return { typing, action: { do: 'leave' } };
  if (!line.startsWith('/')) return { typing, action: { do: 'say', text: line } };
  const [word] = line.split(/\s/);
  const text = word === '/help' ? commandHelp : `unknown command: ${word}; ${commandHelp}`;
  return { typing, action: { do: 'explain', text } };
}

const only = (typing: Typing): TypingStep => ({ typing, action: { do: 'nothing' } });

const isText = (text: string) => text !== '' && !/\p{Cc}/u.test(text);

/** What a person sees as one character may be many. */
function withoutLast(line: string): string {
  return [...graphemes.segment(line)]
    .slice(0, -1)
    .map(({ segment }) => segment)
    .join('');
}
