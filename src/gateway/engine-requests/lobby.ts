// Where requests wait for their engine: its own lobby knows their places; who wants a stream is told how it stands.
import type { Engine } from '../../engines/engine.ts';
import type { Lease } from '../../engines/lease.ts';
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import { toGreenroomError } from '../../lifecycle/errors.ts';
import { lobbyComment, type Waiting, waitedInVain } from './lobby-words.ts';
import type { Reply } from './reply.ts';

export interface SeatRequest {
  readonly engine: Engine;
  readonly reply: Pick<Reply, 'wait'>;
  /** Whether it wants its answer as a stream, as far as that is known by now. */
  readonly streamed: () => boolean;
  readonly signal: AbortSignal;
}

/** What fails sooner has a status of its own. */
const silentMs = 1000;
const everyMs = 2000;
/** Of what changes. */
const apartMs = 250;

export class Lobby {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with why there is none, and how the engine stands. */
  async seat(request: SeatRequest): Promise<Lease> {
    const { engine, signal } = request;
    const beganMs = this.#clock.now();
    let place: { position(): number } | undefined;
    // The last one that it had; of who finds the line full, the one that he would have had.
    let position = engine.status().waitingCalls + 1;
    const facts = (): Waiting => {
      position = place?.position() || position;
      return { engine: engine.status(), position, waitedMs: this.#clock.now() - beganMs };
    };
    const telling = new Telling(this.#clock, request, () => lobbyComment(facts()));
    try {
      const onWait = (its: { position(): number }) => {
        place = its;
      };
      return await engine.admit({ signal, onWait });
    } catch (thrown) {
      throw waitedInVain(toGreenroomError(thrown), facts());
    } finally {
      telling.stop();
    }
  }
}

/** Comments at their times: nothing at first, then every two seconds and when something has changed. */
class Telling {
  readonly #clock: Clock;
  readonly #request: SeatRequest;
  readonly #words: () => string;
  readonly #unlisten: () => void;
  #timer: Timer;
  #toldMs = Number.NEGATIVE_INFINITY;
  #told = '';
  #state: 'silent' | 'telling' | 'stopped' = 'silent';

  constructor(clock: Clock, request: SeatRequest, words: () => string) {
    this.#clock = clock;
    this.#request = request;
    this.#words = words;
    this.#timer = clock.after(silentMs, () => this.#begin());
    this.#unlisten = request.engine.onChange(() => this.#changed());
  }

  stop(): void {
    this.#state = 'stopped';
    this.#timer.cancel();
    this.#unlisten();
  }

  #begin(): void {
    this.#state = 'telling';
    this.#tell();
  }

  #changed(): void {
    if (this.#state !== 'telling' || this.#words() === this.#told) return;
    const waitMs = this.#toldMs + apartMs - this.#clock.now();
    if (waitMs <= 0) return this.#tell();
    this.#timer.cancel();
    this.#timer = this.#clock.after(waitMs, () => this.#tell());
  }

  #tell(): void {
    this.#timer.cancel();
    this.#timer = this.#clock.after(everyMs, () => this.#tell());
    // Whether it wants a stream may be known only later.
    if (!this.#request.streamed()) return;
    this.#toldMs = this.#clock.now();
    this.#told = this.#words();
    this.#request.reply.wait(this.#told);
  }
}
