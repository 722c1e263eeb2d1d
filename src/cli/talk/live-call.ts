// A live call from its first line to its last: the terminal around `Live`, and the order in which all of it ends.
import type { Clock } from '../../lifecycle/clock.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { CommandIo } from '../io.ts';
import type { Call } from './call.ts';
import { type Input, openInput } from './keys.ts';
import { Live } from './live.ts';
import { LiveReport } from './live-report.ts';
import { Page } from './page.ts';
import type { TalkPlan } from './plan.ts';
import type { StatusFacts } from './status-line.ts';

export interface LiveCallOptions {
  readonly io: CommandIo;
  readonly json: boolean;
  readonly plan: TalkPlan;
  readonly scope: Scope;
  readonly clock: Clock;
}

/** Made before the call, which is shown from its beginning. */
export class LiveCall {
  readonly report: LiveReport;
  readonly #options: LiveCallOptions;
  readonly #page: Page | null;
  readonly #startedMs: number;
  #live: Live | null = null;
  #input: Input | null = null;

  constructor(options: LiveCallOptions) {
    this.#options = options;
    const { io, json, clock, scope } = options;
    this.#startedMs = clock.now();
    const { terminal } = io;
    const page = terminal && !json ? new Page(terminal, clock, () => this.#status()) : null;
    this.#page = page;
    if (page) scope.defer('page', () => page.close());
    const lines = page
      ? { out: (line: string) => page.line(line), err: (line: string) => page.line(line) }
      : io;
    this.report = new LiveReport(lines, json ? 'json' : 'lines', page);
  }

  /** The connection is there. Resolves when everything of ours has stopped; the connection has not. */
  async run(call: Call): Promise<'done' | 'ended'> {
    const { plan, scope, io, json } = this.#options;
    const { recorder, player } = plan;
    const live = new Live({
      ...{ call, report: this.report, scope, env: io.env, recorder, player },
      onChange: () => this.#page?.update(),
    });
    this.#live = live;
    this.report.opened(call.connection.url);
    if (io.input) {
      this.#input = openInput(io.input(), io.terminal && !json ? 'keys' : 'lines', {
        onKey: (key) => live.key(key),
        onLine: (line) => live.line(line),
      });
      scope.defer('input', () => this.#input?.close());
    }
    live.start(plan.lines);
    await live.ended();
    const ending = call.ending?.state;
    if (ending === 'interrupted') live.leave('asked by a signal');
    this.report.leaving(live.why ?? endingWords[ending ?? 'closed']);
    await live.stop();
    return ending && ending !== 'interrupted' ? 'ended' : 'done';
  }

  #status(): StatusFacts {
    if (this.#live) return this.#live.status();
    const nothing = { levels: [], speech: 'none', line: '', answer: '', lobby: null, retry: null } as const;
    return {
      ...nothing,
      word: 'connecting',
      ms: this.#options.clock.now() - this.#startedMs,
      microphone: this.#options.plan.recorder ? 'there' : 'none',
      kept: { audioMs: 0, lines: 0 },
    };
  }
}

const endingWords = {
  interrupted: 'asked by a signal',
  shutdown: 'the gateway is leaving',
  failed: 'an engine has failed',
  closed: 'the connection has ended',
} as const;
