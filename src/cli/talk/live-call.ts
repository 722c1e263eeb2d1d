// A live call from its first line to its last: the terminal around `Live`, and the order in which all of it ends.
import type { Clock } from '../../lifecycle/clock.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { CommandIo } from '../io.ts';
import type { Call } from './call.ts';
import { openKeys, openLines } from './keys.ts';
import { Live } from './live.ts';
import { LiveReport } from './live-report.ts';
import { Page } from './page.ts';
import { sayPiped } from './piped.ts';
import type { TalkPlan } from './plan.ts';
import type { StatusFacts } from './status-line.ts';
import type { Key } from './typing.ts';

export interface LiveCallOptions {
  readonly io: CommandIo;
  readonly json: boolean;
  readonly plan: TalkPlan;
  readonly scope: Scope;
  readonly clock: Clock;
}

/** Typed before there is a connection. */
const earlyKeysMax = 4000;

/** Made before the call, which is shown from its beginning. */
export class LiveCall {
  readonly report: LiveReport;
  readonly #options: LiveCallOptions;
  readonly #page: Page | null;
  readonly #startedMs: number;
  readonly #early: Key[] = [];
  #call: Call | null = null;
  #live: Live | null = null;

  constructor(options: LiveCallOptions) {
    this.#options = options;
    const { io, json, clock, scope } = options;
    this.#startedMs = clock.now();
    const { terminal } = io;
    // First of all: what is typed from here on is not shown by the terminal, and no key is lost.
    if (terminal && !json && io.input) {
      const input = openKeys(io.input(), (key) => this.#key(key));
      scope.defer('input', () => input.close());
    }
    const page = terminal && !json ? new Page(terminal, clock, () => this.#status()) : null;
    this.#page = page;
    if (page) scope.defer('page', () => page.close());
    const lines = page
      ? { out: (line: string) => page.line(line), err: (line: string) => page.line(line) }
      : io;
    this.report = new LiveReport(lines, json ? 'json' : 'lines', page);
  }

  /** It is being connected: who leaves before it is is heard. */
  follow(call: Call): void {
    this.#call = call;
    if (this.#early.some(isCtrlC)) call.interrupt();
  }

  /** The connection is there. Resolves when everything of ours has stopped; the connection has not. */
  async run(call: Call): Promise<'done' | 'ended'> {
    const { plan, scope, io } = this.#options;
    const { recorder, player } = plan;
    const live = new Live({
      ...{ call, report: this.report, scope, env: io.env, recorder, player },
      onChange: () => this.#page?.update(),
    });
    this.#live = live;
    this.report.opened(call.connection.url);
    const stream = this.#page ? undefined : io.input?.();
    live.start(stream && !stream.isTTY ? [] : plan.lines);
    if (stream?.isTTY) {
      const input = openLines(stream, (line) => live.line(line));
      scope.defer('input', () => input.close());
    } else if (stream)
      sayPiped({ stream, first: plan.lines, call, live, report: this.report, scope, recorder });
    for (const key of this.#early.splice(0)) live.key(key);
    await live.ended();
    const ending = call.ending?.state;
    if (ending === 'interrupted') live.leave('asked by a signal');
    this.report.leaving(live.why ?? endingWords[ending ?? 'closed']);
    await live.stop();
    return ending && ending !== 'interrupted' ? 'ended' : 'done';
  }

  #key(key: Key): void {
    if (this.#live) return this.#live.key(key);
    if (this.#early.length < earlyKeysMax || isCtrlC(key)) this.#early.push(key);
    if (isCtrlC(key)) this.#call?.interrupt();
  }

  #status(): StatusFacts {
    if (this.#live) return this.#live.status();
    const nothing = {
      levels: [],
      speech: 'none',
      line: '',
      answer: '',
      heard: '',
      lobby: null,
      retry: null,
    } as const;
    return {
      ...nothing,
      word: 'connecting',
      ms: this.#options.clock.now() - this.#startedMs,
      microphone: this.#options.plan.recorder ? 'there' : 'none',
      kept: { audioMs: 0, lines: 0 },
    };
  }
}

const isCtrlC = ({ ctrl, name }: Key): boolean => ctrl === true && name === 'c';

const endingWords = {
  interrupted: 'asked by a signal',
  shutdown: 'the gateway is leaving',
  failed: 'an engine has failed',
  closed: 'the connection has ended',
} as const;
