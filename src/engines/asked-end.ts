// A stop, an unload or a restart that was asked for: the calls under way end first, for as long as they may. What was
// asked last is done.
import type { EngineLobby } from './engine-lobby.ts';
import type { Rest } from './state.ts';

export type EndGoal = Rest | 'restart';

export interface AskedEndOptions {
  readonly lobby: EngineLobby;
  readonly drainMs: number;
  /** There is nobody to wait for any more. */
  readonly end: (goal: EndGoal) => void;
  readonly onChange: () => void;
}

/** From the asking until it is done, or forgotten. */
interface Asked {
  goal: EndGoal;
  readonly over: PromiseWithResolvers<void>;
}

export class AskedEnd {
  readonly #options: AskedEndOptions;
  #asked: Asked | undefined;

  constructor(options: AskedEndOptions) {
    this.#options = options;
  }

  /** What it will do when the calls have ended. */
  get goal(): EndGoal | undefined {
    return this.#asked?.goal;
  }

  /** Resolves when it has begun to do what was asked last, or that was forgotten. */
  ask(goal: EndGoal, drainMs = this.#options.drainMs): Promise<void> {
    const asked = this.#asked ?? this.#begin(goal, drainMs);
    asked.goal = goal;
    this.#options.onChange();
    return asked.over.promise;
  }

  /** It is to stay. */
  forget(): void {
    if (!this.#asked) return;
    this.#asked = undefined;
    this.#options.lobby.open('ending');
  }

  #begin(goal: EndGoal, drainMs: number): Asked {
    const asked: Asked = { goal, over: Promise.withResolvers() };
    this.#asked = asked;
    void this.#drain(asked, drainMs);
    return asked;
  }

  async #drain(asked: Asked, ms: number): Promise<void> {
    const { lobby, end } = this.#options;
    await lobby.drain('ending', ms);
    // Forgotten meanwhile; the gate may be kept for who asked again.
    if (this.#asked === asked) {
      this.#asked = undefined;
      end(asked.goal);
      lobby.open('ending');
    }
    asked.over.resolve();
  }
}
