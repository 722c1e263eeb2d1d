// One voice-activity stream of a worker engine, from the gateway's side. Answers come in the order of the pushes; the
// stall clock runs while one is owed.
import type { Timer } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { VadStream } from '../contract.ts';
import type { CallsOptions } from './calls.ts';
import { type CallMessage, type Frames, ownBuffer } from './protocol.ts';
import type { VadLag } from './vad-lag.ts';

interface Push {
  readonly answer: PromiseWithResolvers<Frames>;
  readonly pushedMs: number;
  readonly audioMs: number;
}

export class VadCall implements VadStream {
  readonly #id: number;
  readonly #options: CallsOptions;
  readonly #rateHz: number;
  readonly #lag: VadLag;
  readonly #pending: Push[] = [];
  #answeredMs = 0;
  #state: 'open' | 'closed' = 'open';
  #error: GreenroomError | undefined;
  #timer: Timer | undefined;

  constructor(id: number, rateHz: number, lag: VadLag, options: CallsOptions) {
    this.#id = id;
    this.#rateHz = rateHz;
    this.#lag = lag;
    this.#options = options;
  }

  push(pcm: Int16Array): Promise<Frames> {
    const answer = Promise.withResolvers<Frames>();
    // Whoever has left does not look at the answer any more, and its failure is nobody's then.
    answer.promise.catch(() => undefined);
    if (this.#error) answer.reject(this.#error);
    else if (this.#state === 'closed') answer.resolve([]);
    else {
      const audioMs = (pcm.length * 1000) / this.#rateHz;
      this.#pending.push({ answer, pushedMs: this.#nowMs, audioMs });
      if (this.#pending.length === 1) this.#watch();
      this.#options.post({ type: 'push', id: this.#id, pcm: ownBuffer(pcm) });
    }
    return answer.promise;
  }

  /** What was pushed and not yet answered is answered with nothing. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#lag.left(this.#id);
    for (const { answer } of this.#pending.splice(0)) answer.resolve([]);
    if (!this.#error) this.#options.post({ type: 'cancel', id: this.#id });
  }

  receive(message: CallMessage): void {
    if (message.type === 'pushed') {
      this.#answered(message.value);
      this.#watch();
    } else if (message.type === 'call_failed') {
      const text = `engine ${this.#options.engine}: vad failed: ${message.message}`;
      this.fail(new GreenroomError('engine_call_failed', text));
    }
  }

  fail(error: GreenroomError): void {
    this.#error ??= error;
    this.#timer?.cancel();
    this.#lag.left(this.#id);
    for (const { answer } of this.#pending.splice(0)) answer.reject(error);
  }

  get #nowMs(): number {
    return this.#options.limits.clock.now();
  }

  #answered(frames: Frames): void {
    const push = this.#pending.shift();
    if (!push) return;
    // The time before belongs to the push before.
    const tookMs = this.#nowMs - Math.max(push.pushedMs, this.#answeredMs);
    this.#answeredMs = this.#nowMs;
    this.#lag.answered(this.#id, push.audioMs, tookMs);
    push.answer.resolve(frames);
  }

  /** Restarts the stall clock, if an answer is owed. */
  #watch(): void {
    const { engine, limits, onStall } = this.#options;
    const { clock, stallMs } = limits;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#pending.length === 0) return;
    const stalled = () => {
      const message = `engine ${engine}: voice activity gave nothing for ${stallMs} ms`;
      onStall(new GreenroomError('engine_stalled', message));
    };
    this.#timer = clock.after(stallMs, stalled, { ref: false });
  }
}
