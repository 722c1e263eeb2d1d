// What a program says of its own progress while it loads. For those who write engines: a line of standard output
// `greenroom-progress 0.42 reading the weights`, from 0 to 1, with a text or without. llama.cpp writes a dot for each
// percent, without a line end. Bounded in what it keeps and in how often it tells: of many the latest. Ended by its owner.
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import { oneLine } from '../one-line.ts';

export interface ProgressSaid {
  readonly fraction: number;
  readonly text: string | null;
}

const word = 'greenroom-progress ';
const lineCharsMax = 512;
const textCharsMax = 200;
const everyMs = 50;
/** Fewer are somebody's "loading...". */
const dotsMin = 5;

export class ProgressReader {
  readonly #clock: Clock;
  readonly #tell: (said: ProgressSaid) => void;
  /** Of the line that has not ended, on each stream. */
  readonly #rest = { stdout: '', stderr: '' };
  #latest: ProgressSaid | undefined;
  #told = '';
  #toldMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #state: 'open' | 'ended' = 'open';

  constructor(clock: Clock, tell: (said: ProgressSaid) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  push(source: 'stdout' | 'stderr', chunk: Buffer): void {
    const text = this.#rest[source] + chunk.toString('latin1');
    const lineStart = text.lastIndexOf('\n') + 1;
    const rest = text.slice(lineStart);
    // The beginning of a line says what it is, however long it becomes.
    this.#rest[source] = rest.slice(0, lineCharsMax);
    this.#latest = (source === 'stdout' && lastLine(text.slice(0, lineStart))) || dots(rest) || this.#latest;
    if (this.#latest && this.#state === 'open') this.#flushSoon();
  }

  /** It has loaded, or is gone: nothing is told any more. Idempotent. */
  end(): void {
    this.#state = 'ended';
    this.#timer?.cancel();
  }

  #flushSoon(): void {
    const leftMs = this.#toldMs + everyMs - this.#clock.now();
    if (leftMs <= 0) return this.#flush();
    this.#timer ??= this.#clock.after(leftMs, () => this.#flush(), { ref: false });
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const said = this.#latest;
    this.#latest = undefined;
    const now = JSON.stringify(said);
    if (!said || now === this.#told) return;
    this.#told = now;
    this.#toldMs = this.#clock.now();
    this.#tell(said);
  }
}

/** The latest of the lines that say progress; `text` ends with a line end. */
function lastLine(text: string): ProgressSaid | undefined {
  for (let at = text.lastIndexOf(word); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(word, at - 1)) {
    if (at > 0 && text[at - 1] !== '\n') continue;
    const line = text.slice(at + word.length, Math.min(text.indexOf('\n', at), at + lineCharsMax));
    const [, number, said = ''] = /^(\d*\.?\d+)(?:\s+(.*?))?\s*$/.exec(line) ?? [];
    const fraction = Number(number);
    if (number === undefined || fraction > 1) continue;
    const shown = oneLine(Buffer.from(said, 'latin1').toString('utf8')).slice(0, textCharsMax);
    return { fraction, text: shown || null };
  }
  return undefined;
}

/** `............` of llama.cpp: a hundred of them are all. */
function dots(rest: string): ProgressSaid | undefined {
  if (rest.length < dotsMin || rest.length > 100 || !/^\.+$/.test(rest)) return undefined;
  return { fraction: rest.length / 100, text: null };
}
