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
  | { readonly state: 'refused'; readonly why: string }
  | { readonly state: 'answered'; readonly status: number };

const firstMs = 50;
const lastMs = 1000;

/** One probe; never throws. */
export function probe(target: ProbeTarget, signal: AbortSignal): Promise<ProbeAnswer> {
  const { host, port, path, timeoutMs } = target;
  return new Promise((resolve) => {
    const call = request(
      { host, port, path, method: 'GET', timeout: timeoutMs, signal, agent: false },
      (response) => {
        response.resume();
        resolve({ state: 'answered', status: response.statusCode ?? 0 });
        // The body of a health answer is of no interest, and may be long.
        response.on('error', () => undefined);
        call.destroy();
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    call.on('error', (error) => resolve({ state: 'refused', why: error.message }));
    call.end();
  });
}

/** The pause between probes: grows from 50 ms to 1 s, and is cut short by a sign that now is the time. */
export class Pace {
  readonly #clock: Clock;
  #waitMs = firstMs;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hurry(): void {
    this.#wake?.();
  }

  async pause(signal: AbortSignal): Promise<void> {
    const ms = this.#waitMs;
    this.#waitMs = Math.min(lastMs, ms * 1.5);
    await new Promise<void>((resolve) => {
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

/** Probes until the wanted status comes. */
export async function probeUntilReady(options: {
  readonly target: ProbeTarget;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onAnswer: (answer: ProbeAnswer) => void;
}): Promise<'ready' | 'aborted'> {
  const { target, pace, signal, onAnswer } = options;
  while (!signal.aborted) {
    const answer = await probe(target, signal);
    if (signal.aborted) break;
    onAnswer(answer);
    if (answer.state === 'answered' && answer.status === target.status) return 'ready';
    await pace.pause(signal);
  }
  return 'aborted';
}
