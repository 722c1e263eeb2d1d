// The one way out. Every trigger (SIGINT, SIGTERM, SIGHUP, `quit`, the API, a fatal error) asks here; the stages run on
// one budget and each is reported with its time.
//
//     running ──request()──▶ stopping ──all stages ended──▶ stopped
//
// A stage starts when the stages it comes after have ended, and at the latest at its `startByMs`; it has until
// `untilMs`, and a moment more to name what it could not end. One that does not end itself is named, counted as forced,
// and not waited for; one that throws is a fault.
import type { Clock } from './clock.ts';
import { Deadline } from './deadline.ts';
import { GreenroomError, messageOf } from './errors.ts';
import { secondSignalMs } from './second-signal.ts';

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
  /** What ended by an error: makes the exit code 1. */
  readonly failed?: readonly string[];
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
  /** 0 clean; 1 after a fault: a fatal error, a failed start, a stage that threw; 3 when something was forced. */
  readonly exitCode: 0 | 1 | 3;
}

export interface ShutdownOptions {
  readonly clock: Clock;
  /** Budget in all. Default 3000. */
  readonly totalMs: number;
  readonly stages: readonly Stage[];
  /** Called in the same turn as the first request, before any stage. What it throws stands in the report. */
  readonly onStart?: (reason: ShutdownReason, totalMs: number) => void;
  /** Told of each stage when it has ended. What it throws is not heard: leaving goes on. */
  readonly onStage?: (stage: StageReport) => void;
  readonly onReport?: (report: ShutdownReport) => void;
  /** Time is up (or force was asked for) and the process is still there. Must end it; called again only if it throws. */
  readonly onForce: (cause: 'watchdog' | 'second_signal', state: ShutdownState) => void;
}

export type ShutdownState = 'running' | 'stopping' | 'stopped';

const nominalTotalMs = 3000;
const watchdogMs = 2800;
/** A stage whose time is up has so much more to say what it could not end. */
const tellMs = 50;

export class Shutdown {
  readonly #options: ShutdownOptions;
  readonly #scale: number;
  readonly #leaving = new AbortController();
  readonly #done = Promise.withResolvers<ShutdownReport>();
  readonly #forced: string[] = [];
  /** Of what has ended, in that order. */
  readonly #ended: StageReport[] = [];
  #reason: ShutdownReason | undefined;
  #state: ShutdownState = 'running';
  #startedMs = 0;
  #firstSignalMs: number | undefined;
  #fault: 'none' | 'seen' = 'none';
  #force: 'ready' | 'used' = 'ready';

  constructor(options: ShutdownOptions) {
    this.#options = options;
    this.#scale = options.totalMs / nominalTotalMs;
    const names = options.stages.map(({ name }) => name);
    for (const { name, after } of options.stages)
      for (const other of after)
        if (!names.includes(other))
          throw new GreenroomError(
            'internal_error',
            `stage ${name} comes after ${other}, which there is not`,
          );
  }

  get state(): ShutdownState {
    return this.#state;
  }

  /** Aborts when the leaving begins: for whatever would go on for ever. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  /** Resolves with the report once every stage has ended, whoever asked. */
  get done(): Promise<ShutdownReport> {
    return this.#done.promise;
  }

  /** The report as far as it is known by now: for whatever closes before the last stage has ended. */
  get soFar(): ShutdownReport | undefined {
    return this.#reason && this.#report(this.#reason, this.#ended);
  }

  /**
   * Idempotent: the first reason wins, every caller gets the same report. A fatal error on the way still makes the
   * exit code 1.
   */
  request(reason: ShutdownReason): Promise<ShutdownReport> {
    if (reason === 'fatal_error' || reason === 'startup_failed') this.#fault = 'seen';
    if (this.#state === 'running') this.#start(reason);
    return this.#done.promise;
  }

  /** The first signal asks for shutdown; one that comes more than 500 ms after it asks for force. */
  signal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void {
    const nowMs = this.#options.clock.now();
    this.#firstSignalMs ??= nowMs;
    if (this.#state === 'running') void this.request(name);
    else if (nowMs - this.#firstSignalMs > secondSignalMs) this.#forceOnce('second_signal');
  }

  #start(reason: ShutdownReason): void {
    const { clock, totalMs, onStart } = this.#options;
    this.#state = 'stopping';
    this.#reason = reason;
    this.#startedMs = clock.now();
    // Keeps watching after the report too: whatever then still holds the loop is named and ended. Unref'd, so
    // that a process with nothing left just ends.
    clock.after(watchdogMs * this.#scale, () => this.#forceOnce('watchdog'), { ref: false });
    try {
      onStart?.(reason, totalMs);
    } catch (error) {
      this.#ended.push(this.#failed('start', 0, error));
    }
    this.#leaving.abort(reason);
    void this.#run(reason, [...this.#ended]);
  }

  #forceOnce(cause: 'watchdog' | 'second_signal'): void {
    if (this.#force === 'used') return;
    this.#options.onForce(cause, this.#state);
    this.#force = 'used';
  }

  #elapsedMs(): number {
    return this.#options.clock.now() - this.#startedMs;
  }

  async #run(reason: ShutdownReason, early: readonly StageReport[]): Promise<void> {
    const { stages, onReport } = this.#options;
    const ended = new Map(stages.map((stage) => [stage.name, Promise.withResolvers<void>()]));
    const reports = await Promise.all(
      stages.map(async (stage) => {
        await this.#untilStart(stage, ended);
        const report = await this.#runStage(stage);
        this.#ended.push(report);
        this.#tellStage(report);
        ended.get(stage.name)?.resolve();
        return report;
      }),
    );
    this.#state = 'stopped';
    const report = this.#report(reason, [...early, ...reports]);
    try {
      onReport?.(report);
    } finally {
      this.#done.resolve(report);
    }
  }

  #report(reason: ShutdownReason, stages: readonly StageReport[]): ShutdownReport {
    const exitCode = this.#forced.length > 0 ? 3 : this.#fault === 'seen' ? 1 : 0;
    return { reason, stages: [...stages], forced: [...this.#forced], ms: this.#elapsedMs(), exitCode };
  }

  async #untilStart(stage: Stage, ended: ReadonlyMap<string, PromiseWithResolvers<void>>): Promise<void> {
    if (stage.after.length === 0) return;
    const latest = new Deadline(this.#options.clock, stage.startByMs * this.#scale - this.#elapsedMs());
    await latest.wait(Promise.all(stage.after.map((name) => ended.get(name)?.promise)));
  }

  async #runStage(stage: Stage): Promise<StageReport> {
    const { name } = stage;
    const startMs = this.#elapsedMs();
    const deadline = new Deadline(this.#options.clock, stage.untilMs * this.#scale - startMs);
    const limit = new Deadline(this.#options.clock, deadline.remainingMs() + tellMs * this.#scale);
    const waited = await limit.wait((async () => stage.run(deadline))());
    deadline.dispose();
    if (waited.state === 'failed') return this.#failed(name, startMs, waited.error);
    const ms = this.#elapsedMs() - startMs;
    if (waited.state === 'expired') {
      this.#forced.push(name);
      return { name, startMs, ms, outcome: 'overdue', notes: [`stage not ended after ${Math.round(ms)} ms`] };
    }
    const { forced = [], failed = [], notes = [] } = waited.value ?? {};
    this.#forced.push(...forced);
    if (failed.length > 0) this.#fault = 'seen';
    return {
      name,
      startMs,
      ms,
      outcome: forced.length > 0 ? 'overdue' : failed.length > 0 ? 'failed' : 'done',
      notes: [
        ...forced.map((what) => `not released in time: ${what}`),
        ...failed.map((what) => `failed: ${what}`),
        ...notes,
      ],
    };
  }

  #tellStage(report: StageReport): void {
    try {
      this.#options.onStage?.(report);
    } catch {
      // Whoever listens has no part in the leaving.
    }
  }

  #failed(name: string, startMs: number, error: unknown): StageReport {
    this.#fault = 'seen';
    return { name, startMs, ms: this.#elapsedMs() - startMs, outcome: 'failed', notes: [messageOf(error)] };
  }
}
