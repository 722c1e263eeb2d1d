// The terminal of a live call: what has happened scrolls, the last line is drawn anew in place. Owns the drawing and
// the cursor; closed by its command, which leaves the terminal as it was.
import { styleText } from 'node:util';
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import { printable } from '../printable.ts';
import { cursorOf, type Paint, type StatusFacts, statusLine } from './status-line.ts';

const redrawMs = 66;
const hideCursor = '\u001B[?25l';
const showCursor = '\u001B[?25h';
const clearLine = '\r\u001B[2K';

export class Page {
  readonly paint: Paint;
  readonly #stream: NodeJS.WriteStream;
  readonly #clock: Clock;
  readonly #facts: () => StatusFacts;
  #state: 'open' | 'closed' = 'open';
  #drawn = '';
  #timer: Timer | undefined;

  constructor(stream: NodeJS.WriteStream, clock: Clock, facts: () => StatusFacts) {
    this.#stream = stream;
    this.#clock = clock;
    this.#facts = facts;
    this.paint = (style, text) => styleText(style, text, { stream });
    this.#draw();
    this.#tick();
    process.once('exit', this.#onExit);
  }

  /** A fault of ours ends the process without closing anything: the cursor would stay hidden. */
  readonly #onExit = () => this.close();

  get columns(): number {
    // A terminal that does not know says 0.
    return this.#stream.columns || 80;
  }

  line(text: string): void {
    this.painted(printable(text));
  }

  /** A line that holds colours, and nothing else that a terminal obeys. */
  painted(line: string): void {
    if (this.#state === 'closed') return void this.#stream.write(`${line}\n`);
    this.#stream.write(`${clearLine}${line}\n`);
    this.#drawn = '';
    this.#draw();
  }

  /** Now, rather than at the next tick: somebody types. */
  update(): void {
    if (this.#state === 'open') this.#draw();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    process.off('exit', this.#onExit);
    this.#timer?.cancel();
    this.#stream.write(`${clearLine}${showCursor}`);
  }

  #tick(): void {
    this.#timer = this.#clock.after(redrawMs, () => {
      this.#draw();
      this.#tick();
    });
  }

  #draw(): void {
    const facts = this.#facts();
    const line = statusLine(facts, this.columns, this.paint);
    // Whoever types needs to see where; and where nothing is typed yet, the hint stands behind it.
    const cursors = { end: showCursor, hint: `${showCursor}\r\u001B[3C`, none: hideCursor };
    const drawing = `${clearLine}${line}${cursors[cursorOf(facts)]}`;
    if (drawing === this.#drawn) return;
    this.#drawn = drawing;
    this.#stream.write(drawing);
  }
}
