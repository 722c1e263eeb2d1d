// What `stop` shows: lines for people on standard error, and with `--json` one object a line on standard output.
import type { Presence } from '../gateway/presence.ts';
import type { ShutdownReport } from '../lifecycle/shutdown.ts';
import type { CommandIo } from './io.ts';
import { shutdownEvent } from './json-events.ts';
import { reportLines, seconds } from './screen.ts';

/** How it went: by itself, after a second signal, by KILL; or it was not there. */
export type StopHow = 'left' | 'forced' | 'killed' | 'absent';

export class StopReport {
  readonly #io: CommandIo;
  readonly #form: 'lines' | 'json';

  constructor(io: CommandIo, form: 'lines' | 'json') {
    this.#io = io;
    this.#form = form;
  }

  /** Nobody is there to be stopped. */
  absent(directory: string, presence: Extract<Presence, { state: 'none' | 'gone' | 'corrupt' }>): void {
    const event = { event: 'stopped', pid: null, url: null, how: 'absent', ms: 0, processes: 0 };
    this.#tell(event, absence(directory, presence));
  }

  /** Asked before, by somebody: it is waited for. */
  leaving(pid: number, url: string | null): void {
    const where = url === null ? '' : ` at ${url}`;
    this.#io.err(`pid ${pid}${where} leaves already: it is not asked again, which would force it`);
  }

  /** `request`: over HTTP. */
  asked(
    pid: number,
    url: string | null,
    by: 'SIGTERM' | 'SIGKILL' | 'request',
    time: 'first' | 'again',
  ): void {
    const where = url === null ? '' : ` at ${url}`;
    const words = {
      SIGTERM: time === 'first' ? 'asked to leave (SIGTERM)' : 'asked again, to leave at once (SIGTERM)',
      SIGKILL: 'killed (SIGKILL)',
      request: 'asked to leave (POST /api/shutdown): it is part of another program',
    };
    this.#tell({ event: 'asked', pid, url, by }, `pid ${pid}${where} is ${words[by]}`);
  }

  /** What the gateway itself has logged of its leaving; undefined when there is nothing. */
  stages(report: ShutdownReport | undefined): void {
    if (!report) return;
    this.#json(shutdownEvent(report));
    for (const line of reportLines(report)) this.#io.err(line);
  }

  /** @param processes of its family, its engines above all: gone too */
  stopped(facts: {
    readonly pid: number;
    readonly url: string | null;
    readonly how: StopHow;
    readonly ms: number;
    readonly processes: number;
  }): void {
    const { pid, ms, how, processes } = facts;
    const words = { left: 'gone', forced: 'forced to go', killed: 'killed', absent: 'gone' };
    const family =
      processes === 0
        ? ''
        : `, and ${processes} ${processes === 1 ? 'process' : 'processes'} of its own with it`;
    this.#tell(
      { event: 'stopped', ...facts, ms: Math.round(ms) },
      `pid ${pid} is ${words[how]} after ${seconds(ms)}${family}`,
    );
  }

  #tell(event: object, line: string): void {
    this.#json(event);
    this.#io.err(line);
  }

  #json(event: object): void {
    if (this.#form === 'json') this.#io.out(JSON.stringify(event));
  }
}

function absence(
  directory: string,
  presence: Extract<Presence, { state: 'none' | 'gone' | 'corrupt' }>,
): string {
  switch (presence.state) {
    case 'none':
      return `no gateway runs in ${directory}`;
    case 'gone':
      return presence.process === 'ended'
        ? `the gateway of ${directory} is gone already; gateway.json was left behind by pid ${presence.record.pid}`
        : `no gateway runs in ${directory}; gateway.json is of pid ${presence.record.pid}, which runs and does not hold this directory (is it a copy?): it is left alone`;
    case 'corrupt':
      return `no gateway runs in ${directory} (${presence.problem})`;
  }
}
