// What an engine writes: into the file of its own run, the last lines kept for error messages, and watched for a line
// that somebody waits for. Looks at what comes as a whole and at single lines only at its end, so that a flood costs
// little; bounded in lines and in their length. Closed by the scope of the run.
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { LogFile, type LogFileOptions } from './log-file.ts';
import { cutMark, neededChars, shown } from './shown.ts';

export type OutputSource = 'stdout' | 'stderr';

const tailLines = 20;
const lineCharsMax = 2000;
/** Blank lines say nothing where there is room for twenty; so many lines are looked at to find those that do. */
const lookedAtMax = 200;

/** Of one stream: what came of a line that has not ended, and whether the rest of that line is to be left out. */
interface Unfinished {
  readonly decoder: StringDecoder;
  text: string;
  state: 'kept' | 'cut';
}

export class OutputLog {
  readonly #file: LogFile | undefined;
  /** For whatever else an engine says: it may have been given a secret. */
  readonly mask: (text: string) => string;
  readonly #unfinished: Readonly<Record<OutputSource, Unfinished>> = {
    stdout: { decoder: new StringDecoder('utf8'), text: '', state: 'kept' },
    stderr: { decoder: new StringDecoder('utf8'), text: '', state: 'kept' },
  };
  #tail: readonly string[] = [];
  #awaited: { readonly text: string; readonly said: () => void } | undefined;

  readonly #onLines: (text: string) => void;

  /**
   * @param file null keeps only the tail
   * @param onLines told of whole lines, masked
   */
  constructor(
    file: LogFileOptions | null,
    mask: (text: string) => string = (text) => text,
    onLines: (text: string) => void = () => undefined,
  ) {
    this.mask = mask;
    this.#onLines = onLines;
    this.#file = file ? new LogFile(file) : undefined;
  }

  /** The last lines, without terminal colours; what has not ended counts as one. */
  get tail(): readonly string[] {
    const { stdout, stderr } = this.#unfinished;
    return withLast(this.#tail, this.mask(`${plain(stdout.text)}\n${plain(stderr.text)}`));
  }

  /** Calls back once, when a line contains `text`. */
  whenSaid(text: string, said: () => void): void {
    this.#awaited = { text, said };
  }

  write(source: OutputSource, chunk: Buffer | string): void {
    const unfinished = this.#unfinished[source];
    let text = unfinished.text + (typeof chunk === 'string' ? chunk : unfinished.decoder.write(chunk));
    if (unfinished.state === 'cut') {
      const lineEnd = text.search(/[\r\n]/);
      if (lineEnd < 0) return;
      text = text.slice(lineEnd + 1);
      unfinished.state = 'kept';
    }
    // A carriage return at the very end may be the first half of a line end.
    const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r', text.length - 2)) + 1;
    let lines = text.slice(0, end);
    unfinished.text = text.slice(end);
    lines = lines && this.mask(plain(lines));
    if (unfinished.text.length >= neededChars(lineCharsMax)) {
      lines += `${shown(unfinished.text, lineCharsMax, (line) => this.mask(plain(line)))}\n`;
      unfinished.text = '';
      unfinished.state = 'cut';
    }
    if (lines !== '') this.#add(lines);
  }

  /** Something of ours, for the file alone. */
  note(text: string): void {
    this.#file?.append(this.mask(`${text}\n`));
  }

  /** Resolves when everything is in the file. Idempotent. */
  async close(): Promise<void> {
    for (const unfinished of Object.values(this.#unfinished)) {
      if (unfinished.text !== '') this.#add(this.mask(`${plain(unfinished.text)}\n`));
      unfinished.text = '';
    }
    await this.#file?.close();
  }

  #add(lines: string): void {
    this.#file?.append(lines);
    this.#tail = withLast(this.#tail, lines);
    this.#onLines(lines);
    if (!this.#awaited || !lines.includes(this.#awaited.text)) return;
    const { said } = this.#awaited;
    this.#awaited = undefined;
    said();
  }
}

/** Terminal colours taken off; every line ends with a line feed. */
function plain(text: string): string {
  const visible = /[\u001B\u009B]/.test(text) ? stripVTControlCharacters(text) : text;
  return visible.includes('\r') ? visible.replace(/\r+\n?/g, '\n') : visible;
}

/** The last lines of both that say something, none of them too long. */
function withLast(before: readonly string[], text: string): string[] {
  const last: string[] = [];
  for (let end = text.length, seen = 0; end > 0 && seen < lookedAtMax && last.length < tailLines; seen += 1) {
    const begin = text.lastIndexOf('\n', end - 1) + 1;
    const line = text.slice(begin, Math.min(end, begin + lineCharsMax));
    if (line.trim() !== '') last.unshift(end - begin > lineCharsMax ? line + cutMark : line);
    end = begin - 1;
  }
  return [...before, ...last].slice(-tailLines);
}
