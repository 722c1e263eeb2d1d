// Where requests wait for their engine: each has its place in the order in which they came, and who wants a stream is
// told how it stands.
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
  readonly #places = new Map<string, Set<SeatRequest>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait for an engine. */
  waiting(engine: string): number {
    return this.#places.get(engine)?.size ?? 0;
  }

  /** Rejects with why there is none, and how the engine stands. */
  async seat(request: SeatRequest): Promise<Lease> {
    const { engine, signal } = request;
    const beganMs = this.#clock.now();
    const places = this.#enter(request);
    const facts = (): Waiting => ({
      engine: engine.status(),
      position: [...places].indexOf(request) + 1,
      waitedMs: this.#clock.now() - beganMs,
    });
    const telling = new Telling(this.#clock, request, () => lobbyComment(facts()));
    try {
      return await engine.admit({ signal });
    } catch (thrown) {
      throw waitedInVain(toGreenroomError(thrown), facts());
    } finally {
      telling.stop();
      places.delete(request);
      if (places.size === 0) this.#places.delete(engine.name);
    }
  }

  #enter(request: SeatRequest): Set<SeatRequest> {
    const { name } = request.engine;
    const places = this.#places.get(name) ?? new Set();
    this.#places.set(name, places.add(request));
    return places;
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
