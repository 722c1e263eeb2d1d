// `--json`: one object a line, for programs. README.md has the table of events.
import type { EngineStatus } from '../engines/status.ts';
import type { ShutdownReason, ShutdownReport } from '../lifecycle/shutdown.ts';
import type { Stall } from '../telemetry/loop-monitor.ts';
import type { Finding } from './discover.ts';
import { engineEvent, failedEvent, shutdownEvent } from './json-events.ts';
import { printable } from './printable.ts';
import type { Screen } from './screen.ts';

export class JsonScreen implements Screen {
  readonly #write: (line: string) => void;
  /** Progress comes often; a line is written when something that is shown has changed. */
  readonly #shown = new Map<string, string>();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  listening({ url, pid, ms, source }: { url: string; pid: number; ms: number; source: string }): void {
    this.#event({ event: 'listening', url, pid, ms: Math.round(ms), config: source });
  }

  found({ engine, preset, url, model, text }: Finding): void {
    this.#event({ event: 'found', engine, preset, url, model, text });
  }

  engine(status: EngineStatus): void {
    const event = engineEvent(status);
    const key = `${event.state} ${event.rung} ${event.percent} ${event.etaMs === null}`;
    if (this.#shown.get(status.name) === key) return;
    this.#shown.set(status.name, key);
    this.#event(event);
  }

  ready({ url, ms }: { url: string; ms: number }): void {
    this.#event({ event: 'ready', url, ms: Math.round(ms) });
  }

  failed({ name, failure }: EngineStatus): void {
    if (!failure) return;
    const { code, message, logTail } = failure;
    this.#event({ ...failedEvent(code, message, name), logTail });
  }

  stall({ ms, during }: Stall): void {
    this.#event({ event: 'stall', ms, during });
  }

  leaving(reason: ShutdownReason): void {
    this.#event({ event: 'leaving', reason });
  }

  left(report: ShutdownReport): void {
    this.#event(shutdownEvent(report));
  }

  settled(): void {
    // Nothing is ever redrawn here.
  }

  line(text: string): void {
    process.stderr.write(`${printable(text)}\n`);
  }

  last(text: string): void {
    process.stderr.write(`greenroom: ${printable(text)}\n`);
  }

  #event(event: object): void {
    this.#write(printable(JSON.stringify(event)));
  }
}
