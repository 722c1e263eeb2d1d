// Time as an interface. Everything that waits takes a Clock, so that a scope can own the timer and a simulation can
// run a whole server in virtual time. The only file that touches the global timers.

export interface Timer {
  /** Idempotent. The callback never runs after it. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds since the process (or the simulation) began. */
  now(): number;
  /** Milliseconds since the epoch, for records that people read. */
  wallTime(): number;
  /** Runs `callback` once, `ms` from now. `ref: false`: does not keep the process alive. Default true. */
  after(ms: number, callback: () => void, options?: { readonly ref?: boolean }): Timer;
  /** Runs `callback` in a later turn of the loop, after pending input. */
  soon(callback: () => void): Timer;
}

/** The longest timer Node has; it runs a longer one at once. */
const timerMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(ms, callback, options) {
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number) => {
      const due = () => (leftMs > timerMsMax ? arm(leftMs - timerMsMax) : callback());
      handle = setTimeout(due, Math.min(leftMs, timerMsMax));
      if (options?.ref === false) handle.unref();
    };
    arm(ms);
    return { cancel: () => clearTimeout(handle) };
  },
  soon(callback) {
    const handle = setImmediate(callback);
    return { cancel: () => clearImmediate(handle) };
  },
};

/** Waits `ms`, or until the signal aborts: a value, not an exception. Leaves no timer and no listener. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<'elapsed' | 'aborted'> {
  if (signal?.aborted) return Promise.resolve('aborted');
  return new Promise((resolve) => {
    const onAbort = () => {
      timer.cancel();
      resolve('aborted');
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve('elapsed');
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Resolves in a later turn of the loop. */
export function turn(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.soon(resolve);
  });
}
