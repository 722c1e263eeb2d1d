// The one timer of a caller who says nothing. Owned by the session's scope.
import type { Timer } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';

export class IdleWatch {
  readonly #scope: Scope;
  readonly #onIdle: () => void;
  #timer: Timer | undefined;

  constructor(scope: Scope, onIdle: () => void) {
    this.#scope = scope;
    this.#onIdle = onIdle;
    scope.defer('idle watch', () => this.wait(null));
  }

  /** In place of what was waited for before; null: for nothing. */
  wait(ms: number | null): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (ms === null || this.#scope.state !== 'open') return;
    this.#timer = this.#scope.clock.after(ms, this.#onIdle, { ref: false });
  }
}
