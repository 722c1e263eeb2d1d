// The options of `up`, found without the real parser, which is a library and takes its time. A command line that is not
// `up`, or that asks for help, has none. What is not understood here (`part`) is left to the real parser, which runs a
// moment later and has the last word; the door needs no more than where to listen.
import type { UpOptions } from './up.ts';

export interface EarlyOptions {
  readonly state: 'whole' | 'part';
  readonly options: UpOptions;
}

type Name = 'config' | 'listen' | 'set' | 'data' | 'model';

const withValue: Readonly<Record<string, Name>> = {
  '-c': 'config',
  '--config': 'config',
  '--listen': 'listen',
  '--set': 'set',
  '--data': 'data',
  '--model': 'model',
};

/** Undefined when no door is to be opened. */
export function earlyOptions(argv: readonly string[]): EarlyOptions | undefined {
  const [command, ...rest] = argv;
  if (command !== 'up' || rest.some((word) => ['-h', '--help', '-V', '--version'].includes(word)))
    return undefined;
  let state: EarlyOptions['state'] = 'whole';
  const set: string[] = [];
  const options: { -readonly [Key in keyof UpOptions]: UpOptions[Key] } = {};
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at] ?? '';
    const [written = '', attached] = splitAttached(word);
    const name = Object.hasOwn(withValue, written) ? withValue[written] : undefined;
    const value = name && (attached ?? rest[++at]);
    if (value === undefined) {
      if (word === '--json') options.json = true;
      else if (word === '--openai') options.openai = true;
      else if (word === '--no-discover') options.discover = false;
      else state = 'part';
    } else if (name === 'set') set.push(value);
    else if (name) options[name] = value;
  }
  if (set.length > 0) options.set = set;
  return { state, options };
}

/** `--listen=:80` → `--listen`, `:80`; `-cFILE` → `-c`, `FILE`. */
function splitAttached(word: string): readonly [string, string | undefined] {
  const long = /^(--[a-z-]+)=(.*)$/s.exec(word);
  if (long?.[1] !== undefined) return [long[1], long[2]];
  return /^-c./s.test(word) ? ['-c', word.slice(2)] : [word, undefined];
}
