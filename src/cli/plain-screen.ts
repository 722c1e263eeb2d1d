// For a log file or a pipe: one line per change of state, no colours, no redrawing.
import type { EngineStatus } from '../engines/status.ts';
import type { ShutdownReason, ShutdownReport } from '../lifecycle/shutdown.ts';
import type { Stall } from '../telemetry/loop-monitor.ts';
import type { Finding } from './discover.ts';
import { printable } from './printable.ts';
import { engineLine, failureLines, reportLines, type Screen, seconds } from './screen.ts';

export class PlainScreen implements Screen {
  readonly #stream: { write(text: string): unknown };
  readonly #shown = new Map<string, string>();
  #state: 'up' | 'leaving' = 'up';

  constructor(stream: { write(text: string): unknown }) {
    this.#stream = stream;
  }

  listening({ url, pid, ms, source }: { url: string; pid: number; ms: number; source: string }): void {
    this.line(
      `greenroom: the door is open at ${url} after ${seconds(ms)} (pid ${pid}, configuration: ${source})`,
    );
  }

  found({ text }: Finding): void {
    this.line(text);
  }

  engine(status: EngineStatus): void {
    // Once more when it is known how long it will take.
    const key = `${status.state} ${status.rung} ${status.etaMs === null}`;
    // How they end is in the report.
    if (this.#state === 'leaving' || this.#shown.get(status.name) === key) return;
    this.#shown.set(status.name, key);
    this.line(`engine ${engineLine(status, status.name.length)}`);
  }

  ready({ ms }: { ms: number }): void {
    this.line(`ready after ${seconds(ms)}`);
  }

  failed(status: EngineStatus): void {
    for (const line of failureLines(status)) this.line(line);
  }

  stall({ ms, during }: Stall): void {
    this.line(`the event loop was held for ${ms} ms${during ? ` during ${during}` : ''}`);
  }

  leaving(reason: ShutdownReason): void {
    this.#state = 'leaving';
    this.line(`leaving (${reason})`);
  }

  left(report: ShutdownReport): void {
    for (const line of reportLines(report)) this.line(line);
  }

  settled(): void {
    // Nothing is ever redrawn here.
  }

  line(text: string): void {
    this.#stream.write(`${printable(text)}\n`);
  }

  last(text: string): void {
    this.line(`greenroom: ${text}`);
  }
}
