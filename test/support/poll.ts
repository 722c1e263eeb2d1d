// Waiting for something that cannot be awaited (another process, a file): asks again until it holds. The only place
// in the tests that waits for time to pass.
import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  readonly timeoutMs: number;
  /** What is waited for, for the message of the failure; a function is asked then. */
  readonly what: string | (() => string);
}

/** The first truthy answer of `check`. Rejects when there is none in time, with what `check` threw last. */
export async function until<Value>(
  check: () => Value | Promise<Value>,
  options: UntilOptions,
): Promise<Exclude<Awaited<Value>, undefined | null | false | 0 | ''>> {
  const { timeoutMs } = options;
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    let failure: unknown;
    try {
      const value = await check();
      if (value) return value as Exclude<Awaited<Value>, undefined | null | false | 0 | ''>;
    } catch (thrown) {
      failure = thrown;
    }
    const { what } = options;
    if (performance.now() >= deadline)
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ${timeoutMs} ms`, {
        cause: failure,
      });
    await delay(pauseMs);
  }
}

/** Goes on every `ms`, for a loop that looks again and again at a bounded pace. */
export async function* paced(ms: number): AsyncGenerator<void> {
  for (;;) {
    yield;
    await delay(ms);
  }
}
