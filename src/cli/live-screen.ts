// For a person at a terminal: the engines' lines are redrawn in place while they load; everything else scrolls above.
import { clearLine, cursorTo, moveCursor } from 'node:readline';
import { styleText } from 'node:util';
import type { EngineStatus } from '../engines/status.ts';
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { ShutdownReason, ShutdownReport } from '../lifecycle/shutdown.ts';
import type { Stall } from '../telemetry/loop-monitor.ts';
import type { Finding } from './discover.ts';
import { printable } from './printable.ts';
import { engineLine, failureLines, reportLines, type Screen, seconds, talkHint } from './screen.ts';
import { cutEnd } from './text-width.ts';

const redrawMs = 100;
const feltMs = 1000;

export class LiveScreen implements Screen {
  readonly #stream: NodeJS.WriteStream;
  readonly #clock: Clock;
  readonly #engines = new Map<string, EngineStatus>();
  #state: 'loading' | 'settled' | 'leaving' = 'loading';
  #drawnLines = 0;
  #timer: Timer | undefined;
  /** Set while a prompt stands on the last line: makes room for a line and draws it again. */
  aroundPrompt: ((write: () => void) => void) | undefined;

  constructor(stream: NodeJS.WriteStream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  listening({ url, ms, source }: { url: string; pid: number; ms: number; source: string }): void {
    this.#painted(
      `${styleText('green', '●')} the door is open at ${styleText('bold', url)} ${dim(`after ${seconds(ms)}`)}`,
    );
    this.#painted(dim(`  configuration: ${source}`));
  }

  found({ text }: Finding): void {
    this.line(dim(`  ${text}`));
  }

  engine(status: EngineStatus): void {
    const before = this.#engines.get(status.name);
    this.#engines.set(status.name, status);
    if (this.#state === 'loading') return this.#redrawSoon();
    // How they end is in the report.
    if (this.#state === 'leaving' || before?.state === status.state) return;
    this.#painted(fitted(`  ${colour(status)}`, this.#stream.columns));
    if (status.state === 'failed') this.failed(status);
  }

  ready({ url, ms, auth }: { url: string; ms: number; auth: 'none' | 'token' }): void {
    this.#settle();
    this.#painted(`${styleText('green', '●')} ready ${dim(`after ${seconds(ms)}`)}`);
    this.#painted(dim(`  callers  ${url.replace(/^http/, 'ws')}/v1/realtime`));
    this.#painted(dim(`  health   ${url}/v1/health`));
    this.#painted(dim(`  console  ${url}/console`));
    this.#painted(dim('  try it from another terminal, in this folder:'));
    this.#painted(dim(`    ${talkHint(auth)}`));
  }

  failed(status: EngineStatus): void {
    for (const line of failureLines(status)) this.#painted(styleText('red', printable(line)));
  }

  settled(): void {
    this.#settle();
  }

  stall({ ms, during }: Stall): void {
    // The log has every one; a person is shown those that he may have felt.
    if (ms < feltMs) return;
    this.#painted(
      styleText('yellow', `the event loop was held for ${ms} ms${during ? ` during ${during}` : ''}`),
    );
  }

  leaving(reason: ShutdownReason): void {
    this.#settle();
    this.#state = 'leaving';
    this.#painted(`leaving (${reason})`);
  }

  left(report: ShutdownReport): void {
    this.#settle();
    const lines = reportLines(report).map(printable);
    for (const line of lines.slice(0, -1)) this.#painted(dim(line));
    this.#painted(styleText(report.forced.length > 0 ? 'yellow' : 'green', lines.at(-1) ?? ''));
  }

  line(text: string): void {
    this.#painted(printable(text));
  }

  last(text: string): void {
    this.#settle();
    this.#painted(styleText('red', printable(`greenroom: ${text}`)));
  }

  /** A line that holds colours, and nothing else that a terminal obeys. */
  #painted(line: string): void {
    const write = () => this.#stream.write(`${line}\n`);
    if (this.#drawnLines > 0) {
      this.#erase();
      write();
      this.#draw();
    } else if (this.aroundPrompt) this.aroundPrompt(write);
    else write();
  }

  /** The engines' lines stay as they are; from now on only changes are told. */
  #settle(): void {
    if (this.#state !== 'loading') return;
    this.#state = 'settled';
    this.#timer?.cancel();
    this.#erase();
    this.#draw();
    this.#drawnLines = 0;
  }

  #redrawSoon(): void {
    this.#timer ??= this.#clock.after(
      redrawMs,
      () => {
        this.#timer = undefined;
        this.#erase();
        this.#draw();
      },
      { ref: false },
    );
  }

  #erase(): void {
    if (this.#drawnLines === 0) return;
    moveCursor(this.#stream, 0, -this.#drawnLines);
    cursorTo(this.#stream, 0);
    for (let line = 0; line < this.#drawnLines; line += 1) {
      clearLine(this.#stream, 0);
      moveCursor(this.#stream, 0, 1);
    }
    moveCursor(this.#stream, 0, -this.#drawnLines);
    this.#drawnLines = 0;
  }

  #draw(): void {
    const width = Math.max(0, ...[...this.#engines.keys()].map((name) => name.length));
    for (const status of this.#engines.values()) {
      this.#stream.write(`${fitted(`  ${colour(status, width)}`, this.#stream.columns)}\n`);
      this.#drawnLines += 1;
    }
  }
}

const dim = (text: string) => styleText('dim', printable(text));

function colour(status: EngineStatus, width = status.name.length): string {
  const line = printable(engineLine(status, width));
  if (status.state === 'ready') return styleText('green', line);
  return status.state === 'failed' || status.state === 'backoff' ? styleText('red', line) : line;
}

/** A line that wraps would be two, and redrawing would leave one behind. */
const fitted = (line: string, columns: number) => cutEnd(line, (columns || 80) - 1);
