// What happens to a call, one after the other: what comes of a step waits for its end. A step that throws is a fault of
// ours, and ends this call alone: half of it may have been done, so nothing more can be made of the call, and a throw
// that nobody catches would end every other one too.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import { operations } from '../telemetry/operations.ts';

export interface StepQueueOptions<Input> {
  /** Of the session. */
  readonly id: string;
  readonly step: (input: Input) => void;
  readonly onFault: (what: string, error: unknown) => void;
  readonly onEnd: (reason: CloseReason, error: GreenroomError) => void;
}

export class StepQueue<Input> {
  readonly #options: StepQueueOptions<Input>;
  #queue: Input[] = [];
  #state: 'idle' | 'stepping' | 'broken' = 'idle';

  constructor(options: StepQueueOptions<Input>) {
    this.#options = options;
  }

  feed(input: Input): void {
    if (this.#state === 'broken') return;
    this.#queue.push(input);
    if (this.#state === 'stepping') return;
    this.#state = 'stepping';
    const { id, step, onFault, onEnd } = this.#options;
    try {
      operations.during('session step', id, () => {
        for (let next = this.#queue.shift(); next; next = this.#queue.shift()) step(next);
      });
      this.#state = 'idle';
    } catch (error) {
      this.#state = 'broken';
      this.#queue = [];
      onFault('a step', error);
      const message = `session ${id} met a fault of the gateway, which its log has; call again`;
      onEnd('internal_error', new GreenroomError('internal_error', message));
    }
  }
}
