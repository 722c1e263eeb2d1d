// The one way out. Every trigger (SIGINT, SIGTERM, SIGHUP, `quit`, the API, a fatal error) asks here; the stages run on
// one budget and each is reported with its time.
//
//     running ──request()──▶ stopping ──all stages ended──▶ stopped
//
// A stage starts when the stages it comes after have ended, and at the latest at its `startByMs`; it has until
// `untilMs`. What does not end is named, counted as forced, and not waited for.
import type { Clock } from './clock.ts';
import { Deadline } from './deadline.ts';
import { messageOf } from './errors.ts';

export type ShutdownReason =
  | 'SIGINT'
  | 'SIGTERM'
  | 'SIGHUP'
  | 'quit'
  | 'api'
  | 'fatal_error'
  | 'startup_failed';

export interface StageResult {
  /** What did not end in time: makes the exit code 3. */
  readonly forced?: readonly string[];
  /** What ended in time, but not by being asked: an engine that needed KILL, a socket that was terminated. */
  readonly notes?: readonly string[];
}

/** Times are for a total of 3000 ms and are scaled to the configured one. */
export interface Stage {
  readonly name: string;
  readonly after: readonly string[];
  readonly startByMs: number;
  readonly untilMs: number;
  /** Must end by its deadline; whatever it throws is reported, and the other stages go on. */
  run(deadline: Deadline): Promise<StageResult | undefined>;
}

export interface StageReport {
  readonly name: string;
  readonly startMs: number;
  readonly ms: number;
  readonly outcome: 'done' | 'failed' | 'overdue';
  readonly notes: readonly string[];
}

export interface ShutdownReport {
  readonly reason: ShutdownReason;
  readonly stages: readonly StageReport[];
  readonly forced: readonly string[];
  readonly ms: number;
  /** 0 clean, 1 after a fatal error or failed start, 3 when something was forced. */
  readonly exitCode: 0 | 1 | 3;
}

export interface ShutdownOptions {
  readonly clock: Clock;
  /** Budget in all. Default 3000. */
  readonly totalMs: number;
  readonly stages: readonly Stage[];
  /** Called in the same turn as the first request, before any stage. */
  readonly onStart?: (reason: ShutdownReason, totalMs: number) => void;
  readonly onReport?: (report: ShutdownReport) => void;
  /** The watchdog: time is up (or force was asked for) and the process is still there. Must end it. */
  readonly onForce: (cause: 'watchdog' | 'second_signal', state: ShutdownState) => void;
}

export type ShutdownState = 'running' | 'stopping' | 'stopped';

const nominalTotalMs = 3000;
const watchdogMs = 2800;
/** Wrappers (npm, tsx) may deliver one Ctrl+C twice; only a signal later than this is a second one. */
export const secondSignalMs = 500;

export class Shutdown {
  readonly #options: ShutdownOptions;
  readonly #scale: number;
  readonly #done = Promise.withResolvers<ShutdownReport>();
  #state: ShutdownState = 'running';
  #startedMs = 0;

  constructor(options: ShutdownOptions) {
    this.#options = options;
    this.#scale = options.totalMs / nominalTotalMs;
  }

  get state(): ShutdownState {
    return this.#state;
  }

  /** Resolves with the report once every stage has ended, whoever asked. */
  get done(): Promise<ShutdownReport> {
    return this.#done.promise;
  }

  /** Idempotent: the first reason wins, every caller gets the same report. */
  request(reason: ShutdownReason): Promise<ShutdownReport> {
    if (this.#state === 'running') {
      this.#state = 'stopping';
      this.#startedMs = this.#options.clock.now();
      // Keeps watching after the report too: whatever then still holds the loop is named and ended. Unref'd, so
      // that a process with nothing left just ends.
      this.#options.clock.after(
        watchdogMs * this.#scale,
        () => this.#options.onForce('watchdog', this.#state),
        {
          ref: false,
        },
      );
      this.#options.onStart?.(reason, this.#options.totalMs);
      void this.#run(reason);
    }
    return this.#done.promise;
  }

  /** A signal asks for shutdown; one that comes more than 500 ms after the first asks for force. */
  signal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void {
    if (this.#state === 'running') void this.request(name);
    else if (this.#elapsedMs() > secondSignalMs) this.#options.onForce('second_signal', this.#state);
  }

  #elapsedMs(): number {
    return this.#options.clock.now() - this.#startedMs;
  }

  async #run(reason: ShutdownReason): Promise<void> {
    const { stages } = this.#options;
    const ended = new Map(stages.map((stage) => [stage.name, Promise.withResolvers<void>()]));
    const forced: string[] = [];
    const reports = await Promise.all(
      stages.map(async (stage) => {
        await this.#untilStart(stage, ended);
        const report = await this.#runStage(stage, forced);
        ended.get(stage.name)?.resolve();
        return report;
      }),
    );
    this.#state = 'stopped';
    const faulty = reason === 'fatal_error' || reason === 'startup_failed';
    const report: ShutdownReport = {
      reason,
      stages: reports,
      forced,
      ms: this.#elapsedMs(),
      exitCode: forced.length > 0 ? 3 : faulty ? 1 : 0,
    };
    this.#options.onReport?.(report);
    this.#done.resolve(report);
  }

  async #untilStart(stage: Stage, ended: ReadonlyMap<string, PromiseWithResolvers<void>>): Promise<void> {
    if (stage.after.length === 0) return;
    const latest = new Deadline(this.#options.clock, stage.startByMs * this.#scale - this.#elapsedMs());
    await latest.wait(Promise.all(stage.after.map((name) => ended.get(name)?.promise)));
    latest.dispose();
  }

  async #runStage(stage: Stage, forced: string[]): Promise<StageReport> {
    const startMs = this.#elapsedMs();
    const deadline = new Deadline(this.#options.clock, stage.untilMs * this.#scale - startMs);
    const waited = await deadline.wait((async () => stage.run(deadline))());
    deadline.dispose();
    const report = (outcome: StageReport['outcome'], notes: readonly string[]): StageReport => ({
      name: stage.name,
      startMs,
      ms: this.#elapsedMs() - startMs,
      outcome,
      notes,
    });
    if (waited.state === 'done') {
      forced.push(...(waited.value?.forced ?? []));
      return report(waited.value?.forced?.length ? 'overdue' : 'done', [
        ...(waited.value?.forced ?? []).map((name) => `not released in time: ${name}`),
        ...(waited.value?.notes ?? []),
      ]);
    }
    if (waited.state === 'failed') {
      forced.push(`${stage.name}: ${messageOf(waited.error)}`);
      return report('failed', [messageOf(waited.error)]);
    }
    forced.push(stage.name);
    return report('overdue', [`stage not ended after ${Math.round(this.#elapsedMs() - startMs)} ms`]);
  }
}
