// Who is written down while they still speak. It takes a place at the engine for as long as somebody talks: so it is done
// only where there is a place, and given up as soon as somebody needs it who has spoken to the end. He is written down by
// then as he would have been without it.
import type { Engine } from '../engines/engine.ts';

interface Live {
  /** It is over before its speaker is. */
  readonly stop: () => void;
}

const ofEngines = new WeakMap<object, LiveHearings>();

/** Of one engine, whichever pipelines it is in. */
export class LiveHearings {
  readonly #engine: Pick<Engine, 'status'>;
  readonly #live = new Set<Live>();

  private constructor(engine: Pick<Engine, 'status'>) {
    this.#engine = engine;
  }

  static of(engine: Pick<Engine, 'status'>): LiveHearings {
    const known = ofEngines.get(engine) ?? new LiveHearings(engine);
    ofEngines.set(engine, known);
    return known;
  }

  /** A place, until its speaker has ended; undefined where there is none. Whoever enters leaves. */
  enter(stop: () => void): (() => void) | undefined {
    if (this.#full !== false) return undefined;
    const live = { stop };
    this.#live.add(live);
    return () => void this.#live.delete(live);
  }

  /** Somebody has spoken to the end: who began last, and speaks on, gives his place. */
  makeRoom(): void {
    if (this.#full === false) return;
    const last = [...this.#live].at(-1);
    if (!last) return;
    this.#live.delete(last);
    last.stop();
  }

  /** Undefined: the engine takes no audio as it comes. */
  get #full(): boolean | undefined {
    const { state, lanes, activeCalls, waitingCalls } = this.#engine.status();
    if (state !== 'ready' || lanes === null) return undefined;
    return Math.max(activeCalls + waitingCalls, this.#live.size) >= lanes;
  }
}
