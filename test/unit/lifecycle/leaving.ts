// A shutdown in virtual time, with stages that write down when they began.
import {
  Shutdown,
  type ShutdownOptions,
  type ShutdownReport,
  type Stage,
  type StageResult,
} from '../../../src/lifecycle/shutdown.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

export interface World {
  readonly clock: VirtualClock;
  readonly happened: string[];
  readonly shutdown: Shutdown;
  /** Lets `ms` go by, in which the report must come. */
  report(ms: number): Promise<ShutdownReport>;
}

type Run = (clock: VirtualClock, ...given: Parameters<Stage['run']>) => Promise<StageResult | undefined>;

/** A stage that writes down when it began, and does what `run` does. */
interface Plan extends Partial<Omit<Stage, 'run'>> {
  readonly name: string;
  readonly run?: Run;
}

export const takes =
  (ms: number, result?: StageResult): Run =>
  (clock) =>
    new Promise((resolve) => {
      clock.after(ms, () => resolve(result));
    });

export function world(plans: readonly Plan[], options: Partial<ShutdownOptions> = {}): World {
  const clock = new VirtualClock();
  const happened: string[] = [];
  const stages = plans.map(
    ({ run, ...plan }): Stage => ({
      after: [],
      startByMs: 0,
      untilMs: 3000,
      ...plan,
      run(deadline) {
        happened.push(`${plan.name} at ${clock.now()}`);
        return run ? run(clock, deadline) : Promise.resolve(undefined);
      },
    }),
  );
  const shutdown = new Shutdown({
    clock,
    totalMs: 3000,
    stages,
    onForce: (cause, state) => void happened.push(`forced by ${cause}, ${state}, at ${clock.now()}`),
    ...options,
  });
  return {
    clock,
    happened,
    shutdown,
    async report(ms) {
      let given: ShutdownReport | undefined;
      void shutdown.done.then((report) => {
        given = report;
      });
      await clock.advance(ms);
      if (!given) throw new Error(`no report after ${ms} ms`);
      return given;
    },
  };
}
