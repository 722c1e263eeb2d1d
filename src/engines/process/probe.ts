// Asks a program whether it is ready: connects, then wants the right status from its health path. What it answers while
// it loads (refused, 503) is normal; only its exit, a stall or the total deadline end the wait, and those are the
// engine's life to judge.
import { request } from 'node:http';
import type { Clock } from '../../lifecycle/clock.ts';

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly status: number;
  readonly timeoutMs: number;
}

export type ProbeAnswer =
  /** `code`: the system's word for it, where it has said something. */
  | { readonly state: 'refused'; readonly why: string; readonly code?: string | undefined }
  /** It took the connection and gave no HTTP answer. */
  | { readonly state: 'connected'; readonly why: string }
  | { readonly state: 'answered'; readonly status: number };

const firstMs = 50;
const lastMs = 1000;

/** One probe; never throws, and leaves no connection. */
export function probe(target: ProbeTarget, clock: Clock, signal: AbortSignal): Promise<ProbeAnswer> {
  const { host, port, path, timeoutMs } = target;
  return new Promise((resolve) => {
    let state: 'refused' | 'connected' = 'refused';
    const call = request({ host, port, path, method: 'GET', signal, agent: false });
    const timer = clock.after(timeoutMs, () => call.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    const answer = (given: ProbeAnswer) => {
      timer.cancel();
      resolve(given);
    };
    call.on('socket', (socket) => {
      socket.once('connect', () => {
        state = 'connected';
      });
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      answer({ state, why: error.message, ...(state === 'refused' && error.code && { code: error.code }) });
    });
    // An answer that is neither (a switch of protocols) just closes.
    call.on('close', () => answer({ state, why: 'it closed the connection' }));
    call.on('response', (response) => {
      answer({ state: 'answered', status: response.statusCode ?? 0 });
      // The body of a health answer is of no interest, and may be long.
      response.on('error', () => undefined);
      call.destroy();
    });
    call.end();
  });
}

/** The pause between probes: grows from 50 ms to 1 s, and is cut short by a sign that now is the time. */
export class Pace {
  readonly #clock: Clock;
  #waitMs = firstMs;
  #wake: (() => void) | undefined;
  #state: 'even' | 'hurried' = 'even';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The pause under way, or the next one, is over at once. */
  hurry(): void {
    this.#state = 'hurried';
    this.#wake?.();
  }

  /** Things move: the pauses are short again. */
  quicken(): void {
    this.#waitMs = firstMs;
  }

  async pause(signal: AbortSignal): Promise<void> {
    if (this.#state === 'even' && !signal.aborted) await this.#wait(this.#waitMs, signal);
    this.#state = 'even';
    this.#waitMs = Math.min(lastMs, this.#waitMs * 1.5);
  }

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }
}

/** Probes until the wanted status comes. Each change of the answer is told, and makes the next probe come soon. */
export async function probeUntilReady(options: {
  readonly target: ProbeTarget;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onChange: (answer: ProbeAnswer) => void;
}): Promise<'ready' | 'aborted'> {
  const { target, clock, pace, signal, onChange } = options;
  let before: string | undefined;
  while (!signal.aborted) {
    const answer = await probe(target, clock, signal);
    if (signal.aborted) break;
    const now = JSON.stringify(answer);
    if (now !== before) {
      onChange(answer);
      pace.quicken();
    }
    before = now;
    if (answer.state === 'answered' && answer.status === target.status) return 'ready';
    await pace.pause(signal);
  }
  return 'aborted';
}
