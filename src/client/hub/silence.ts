// Whether anything comes at all. A connection that was cut off on its way says nothing of it: who hears nothing for long
// asks, and gives it up when that is not answered either.
import { type ClientWorld, Timers } from '../timers.ts';

/** A gateway says something at least every 20 s, on a WebSocket in frames that a page does not see. */
const probeMs = 25_000;
const lostMs = 45_000;

export class Silence {
  readonly #world: ClientWorld;
  readonly #timers: Timers<'silence'>;
  readonly #does: { readonly probe: () => void; readonly lost: (silentMs: number) => void };
  #heardMs = 0;

  constructor(
    world: ClientWorld,
    does: { readonly probe: () => void; readonly lost: (silentMs: number) => void },
  ) {
    this.#world = world;
    this.#timers = new Timers(world);
    this.#does = does;
  }

  begin(): void {
    this.heard();
    this.#wait(probeMs);
  }

  /** Often: no timer is moved for it. */
  heard(): void {
    this.#heardMs = this.#world.now();
  }

  end(): void {
    this.#timers.cancel('silence');
  }

  #wait(ms: number): void {
    // Part of a ms may be too little for any clock to tell.
    this.#timers.set('silence', Math.ceil(ms), () => this.#look());
  }

  #look(): void {
    const silentMs = this.#world.now() - this.#heardMs;
    if (silentMs >= lostMs) return this.#does.lost(silentMs);
    if (silentMs < probeMs) return this.#wait(probeMs - silentMs);
    this.#does.probe();
    this.#wait(lostMs - silentMs);
  }
}
