// What `stop` does when: signals from the beginning on, each given until the next one (pure).

type StopSignal = 'SIGTERM' | 'SIGKILL';

export interface StopStep {
  readonly atMs: number;
  readonly signal: StopSignal;
}

export interface StopPlan {
  readonly steps: readonly StopStep[];
  /** Then it has failed. */
  readonly untilMs: number;
}

/** The gateway takes a second signal for a second one when it comes more than 500 ms later: it leaves at once then. */
const secondSignalMs = 600;
/** KILL takes no longer, unless the process is stuck in the kernel. */
const killedMs = 2000;

/** `force`: asked a second time, and killed when time is up. */
export function stopPlan(timeoutMs: number, force: boolean): StopPlan {
  const asked: StopStep = { atMs: 0, signal: 'SIGTERM' };
  if (!force) return { steps: [asked], untilMs: timeoutMs };
  const steps: StopStep[] = [asked];
  if (timeoutMs > secondSignalMs) steps.push({ atMs: secondSignalMs, signal: 'SIGTERM' });
  steps.push({ atMs: timeoutMs, signal: 'SIGKILL' });
  return { steps, untilMs: timeoutMs + killedMs };
}
