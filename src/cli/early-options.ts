// The options of `up` that decide where it listens, found without the real parser. A command line that is not `up`, or
// that asks for help, has none; whatever is unclear is left to the real parser, which runs a moment later.

export interface EarlyOptionsFound {
  readonly file?: string;
  readonly listen?: string;
  readonly set?: readonly string[];
}

const withValue: Readonly<Record<string, 'file' | 'listen' | 'set' | 'other'>> = {
  '-c': 'file',
  '--config': 'file',
  '--listen': 'listen',
  '--set': 'set',
  '--data': 'other',
};

/** Undefined when no door is to be opened. */
export function earlyOptions(argv: readonly string[]): EarlyOptionsFound | undefined {
  const [command, ...rest] = argv;
  if (command !== 'up' || rest.some((word) => ['-h', '--help', '-V', '--version'].includes(word)))
    return undefined;
  const found: { file?: string; listen?: string; set: string[] } = { set: [] };
  for (let at = 0; at < rest.length; at += 1) {
    const [name = '', attached] = splitAttached(rest[at] ?? '');
    const key = withValue[name];
    if (!key) continue;
    const value = attached ?? rest[++at];
    if (value === undefined) continue;
    if (key === 'set') found.set.push(value);
    else if (key !== 'other') found[key] = value;
  }
  return found;
}

/** `--listen=:80` → `--listen`, `:80`; `-cFILE` → `-c`, `FILE`. */
function splitAttached(word: string): readonly [string, string | undefined] {
  const long = /^(--[a-z-]+)=(.*)$/s.exec(word);
  if (long?.[1] !== undefined) return [long[1], long[2]];
  return /^-c./s.test(word) ? ['-c', word.slice(2)] : [word, undefined];
}
