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

export class AskedEnd {
  readonly #options: AskedEndOptions;
  #goal: EndGoal | undefined;
  #draining: Promise<void> | undefined;

  constructor(options: AskedEndOptions) {
    this.#options = options;
  }

  /** What it will do when the calls have ended. */
  get goal(): EndGoal | undefined {
    return this.#goal;
  }

  /** Resolves when it has begun to do what was asked last. */
  ask(goal: EndGoal, drainMs = this.#options.drainMs): Promise<void> {
    this.#goal = goal;
    this.#draining ??= this.#drain(drainMs);
    this.#options.onChange();
    return this.#draining;
  }

  /** It is to stay. */
  forget(): void {
    if (this.#goal === undefined) return;
    this.#goal = undefined;
    this.#options.lobby.open('ending');
  }

  async #drain(ms: number): Promise<void> {
    const { lobby, end } = this.#options;
    await lobby.drain('ending', ms);
    const goal = this.#goal;
    this.#goal = undefined;
    this.#draining = undefined;
    if (goal !== undefined) end(goal);
    lobby.open('ending');
  }
}
