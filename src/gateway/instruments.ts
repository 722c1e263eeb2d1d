// What a gateway measures of itself: its loop, its garbage collections, how often its sessions and engines came and went.
// Started with the gateway, stopped with its scope. Says what held the loop, and does not say it again and again.
import type { Supervisor } from '../engines/supervisor.ts';
import type { Clock } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import { Collections } from '../telemetry/collections.ts';
import type { Log } from '../telemetry/log.ts';
import { LoopMonitor, type Stall } from '../telemetry/loop-monitor.ts';
import type { OperationKind } from '../telemetry/operations.ts';
import { Seldom } from '../telemetry/seldom.ts';
import { LifeCounts } from './life-counts.ts';

export interface InstrumentsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For everybody who watches; no more often than it is logged. */
  readonly onStall: (stall: Stall) => void;
}

/** Of stalls by the same kind of work, one is told in so long. */
const toldEveryMs = 10_000;

export class Instruments {
  readonly loop: LoopMonitor;
  readonly collections = new Collections();
  readonly life = new LifeCounts();
  readonly #options: InstrumentsOptions;
  readonly #seldom: Seldom;

  constructor(options: InstrumentsOptions) {
    this.#options = options;
    this.#seldom = new Seldom(options.clock, toldEveryMs);
    this.loop = new LoopMonitor(options.clock, (stall, kind) => this.#stalled(stall, kind));
  }

  start(scope: Scope): void {
    this.loop.start();
    this.collections.start();
    scope.defer('instruments', () => {
      this.loop.stop();
      this.collections.stop();
    });
  }

  follow(engines: Pick<Supervisor, 'changes'>, sessions: Pick<SessionRegistry, 'changes'>): void {
    engines.changes.listen((change) => this.life.engine(change));
    sessions.changes.listen((change) => this.life.session(change));
  }

  #stalled(stall: Stall, kind: OperationKind | 'unknown'): void {
    const untold = this.#seldom.may(kind);
    if (untold === undefined) return;
    const { log, onStall } = this.#options;
    const { ms, during, duringMs } = stall;
    const what = during ? `, ${duringMs} of them by ${during}` : '';
    const also = untold > 0 ? `; ${untold} more like it were not told since the last` : '';
    log.warn({ ...stall, untold }, `the event loop was held for ${ms} ms${what}${also}`);
    onStall(stall);
  }
}
