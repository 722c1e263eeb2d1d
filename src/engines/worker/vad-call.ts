// One voice-activity stream of a worker engine, from the gateway's side. Answers come in the order of the pushes.
import type { Timer } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { VadStream } from '../contract.ts';
import type { CallLimits } from './calls.ts';
import type { FromHost, ToHost } from './protocol.ts';

type Frames = readonly { readonly speech: number }[];

export class VadCall implements VadStream {
  readonly #id: number;
  readonly #post: (message: ToHost) => void;
  readonly #engine: string;
  readonly #limits: CallLimits;
  readonly #onStall: (error: GreenroomError) => void;
  readonly #pending: PromiseWithResolvers<Frames>[] = [];
  #state: 'open' | 'closed' = 'open';
  #error: GreenroomError | undefined;
  #timer: Timer | undefined;

  constructor(
    id: number,
    post: (message: ToHost) => void,
    engine: string,
    limits: CallLimits,
    onStall: (error: GreenroomError) => void,
  ) {
    this.#id = id;
    this.#post = post;
    this.#engine = engine;
    this.#limits = limits;
    this.#onStall = onStall;
  }

  push(pcm: Int16Array): Promise<Frames> {
    if (this.#error) return Promise.reject(this.#error);
    if (this.#state === 'closed') return Promise.resolve([]);
    const answer = Promise.withResolvers<Frames>();
    this.#pending.push(answer);
    this.#watch();
    this.#post({ type: 'push', id: this.#id, pcm });
    return answer.promise;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer?.cancel();
    for (const answer of this.#pending.splice(0)) answer.resolve([]);
    this.#post({ type: 'cancel', id: this.#id });
  }

  receive(message: FromHost): void {
    if (message.type === 'pushed') {
      this.#pending.shift()?.resolve(message.value as Frames);
      this.#watch();
    } else if (message.type === 'call_failed') {
      this.fail(
        new GreenroomError('engine_call_failed', `engine ${this.#engine}: vad failed: ${message.message}`),
      );
    }
  }

  fail(error: GreenroomError): void {
    this.#error = error;
    this.#timer?.cancel();
    for (const answer of this.#pending.splice(0)) answer.reject(error);
  }

  #watch(): void {
    const { clock, stallMs } = this.#limits;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#pending.length === 0) return;
    const message = `engine ${this.#engine}: voice activity gave nothing for ${stallMs} ms`;
    this.#timer = clock.after(stallMs, () => this.#onStall(new GreenroomError('engine_stalled', message)), {
      ref: false,
    });
  }
}
