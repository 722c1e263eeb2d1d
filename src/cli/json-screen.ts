// `--json`: one object a line, for programs.
import type { EngineStatus } from '../engines/status.ts';
import type { ShutdownReason, ShutdownReport } from '../lifecycle/shutdown.ts';
import type { Stall } from '../telemetry/loop-monitor.ts';
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

  engine({ name, state, rung, progress, elapsedMs, etaMs, pid, port, failure }: EngineStatus): void {
    const percent = progress === null ? null : Math.round(progress * 100);
    const key = `${state} ${rung} ${percent} ${etaMs === null}`;
    if (this.#shown.get(name) === key) return;
    this.#shown.set(name, key);
    const why = failure && { code: failure.code, message: failure.message };
    this.#event({
      event: 'engine',
      name,
      state,
      rung,
      percent,
      ms: elapsedMs,
      etaMs,
      pid,
      port,
      ...(why && { error: why }),
    });
  }

  ready({ ms }: { ms: number }): void {
    this.#event({ event: 'ready', ms: Math.round(ms) });
  }

  failed({ name, failure }: EngineStatus): void {
    if (!failure) return;
    const { code, message, logTail } = failure;
    this.#event({ event: 'failed', engine: name, code, message, logTail });
  }

  stall({ ms, during }: Stall): void {
    this.#event({ event: 'stall', ms, during });
  }

  leaving(reason: ShutdownReason): void {
    this.#event({ event: 'leaving', reason });
  }

  left({ reason, stages, forced, ms, exitCode }: ShutdownReport): void {
    const rounded = stages.map((stage) => ({
      ...stage,
      startMs: Math.round(stage.startMs),
      ms: Math.round(stage.ms),
    }));
    this.#event({ event: 'shutdown', reason, stages: rounded, forced, ms: Math.round(ms), exitCode });
  }

  settled(): void {
    // Nothing is ever redrawn here.
  }

  line(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  last(text: string): void {
    process.stderr.write(`greenroom: ${text}\n`);
  }

  #event(event: object): void {
    this.#write(JSON.stringify(event));
  }
}
