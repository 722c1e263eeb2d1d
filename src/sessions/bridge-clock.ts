// The timers of a bridged call, by name. The watch over a response that is owed goes on as long as anything comes.
import type { TimerName } from '../bridge/state.ts';
import type { Timer } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';

/** Models that reason think for half a minute without a word. */
const silenceMs = 60_000;
/** After the end of a response, until it is known that it was the one that was asked for. */
const doubtMs = 1000;

export interface BridgeClockOptions {
  readonly scope: Scope;
  readonly lobbyWaitMs: number;
  readonly openTimeoutMs: number;
  readonly onTimer: (name: TimerName, waitedMs: number) => void;
}

export class BridgeClock {
  readonly #options: BridgeClockOptions;
  readonly #timers = new Map<TimerName, Timer>();
  #heardMs = 0;

  constructor(options: BridgeClockOptions) {
    this.#options = options;
    options.scope.defer('timers', () => {
      for (const name of [...this.#timers.keys()]) this.stop(name);
    });
  }

  /** Something has come from upstream. */
  heard(): void {
    this.#heardMs = this.#options.scope.clock.now();
  }

  start(name: TimerName): void {
    const { scope, lobbyWaitMs, openTimeoutMs } = this.#options;
    const ms = { open: openTimeoutMs, lobby: lobbyWaitMs, silence: silenceMs, doubt: doubtMs }[name];
    this.stop(name);
    if (name === 'silence') this.#heardMs = scope.clock.now();
    this.#arm(name, ms, ms);
  }

  stop(name: TimerName): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  #arm(name: TimerName, ms: number, inMs: number): void {
    const { scope, onTimer } = this.#options;
    if (scope.state !== 'open') return;
    const due = () => {
      this.#timers.delete(name);
      const leftMs = name === 'silence' ? this.#heardMs + ms - scope.clock.now() : 0;
      if (leftMs > 0) this.#arm(name, ms, leftMs);
      else onTimer(name, ms);
    };
    this.#timers.set(name, scope.clock.after(inMs, due, { ref: false }));
  }
}
