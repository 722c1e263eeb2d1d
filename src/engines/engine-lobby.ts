// Who uses an engine, and who waits to: a bounded line before it, leases for those who were let in, holds of those who
// will come back. Decides nothing about the engine's life: it tells that it is needed, and hears where it stands.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { Histograms } from '../telemetry/histograms.ts';
import type { EngineInstance } from './instance.ts';
import type { AdmitOptions, Lease, LeaseEnd } from './lease.ts';
import { placeOf, type Standing } from './standing.ts';
import type { EngineFailure } from './state.ts';
import type { EngineStatus } from './status.ts';

export interface LobbyLimits {
  /** Callers that may wait. */
  readonly max: number;
  /** How long each. */
  readonly ms: number;
}

export interface LobbyHooks {
  readonly clock: Clock;
  readonly limits: LobbyLimits;
  readonly standing: () => Standing;
  readonly status: () => EngineStatus;
  /** Somebody waits. */
  readonly need: () => void;
  readonly released: (end: LeaseEnd) => void;
  /** Somebody has come or left. */
  readonly used: () => void;
}

/** What was asked of the engine, and its group: neither lets in whom the other keeps out. */
export type GateKeeper = 'ending' | 'group';

interface Waiter {
  readonly promise: PromiseWithResolvers<Lease>;
  readonly sinceMs: number;
  readonly leave: () => void;
}

export class EngineLobby {
  /** How long callers waited, those who had not to among them, by what became of it. */
  readonly waits = new Histograms<'seated' | 'refused' | 'left'>();
  readonly #hooks: LobbyHooks;
  readonly #waiting = new Set<Waiter>();
  #leases = 0;
  #holds = 0;
  /** Who keeps the gate shut: it is open when nobody does. */
  readonly #keepers = new Set<GateKeeper>();
  #heardMs = Number.NEGATIVE_INFINITY;
  #closed: GreenroomError | undefined;
  /** Who waits until those who are let in have left, and for whom. */
  readonly #drains = new Map<(outcome: 'empty' | 'late') => void, GateKeeper>();
  /** For how long the latest of its instances had given nobody anything when its last user left. */
  #silence: { readonly instance: EngineInstance; readonly ms: number } | undefined;

  constructor(hooks: LobbyHooks) {
    this.#hooks = hooks;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get leases(): number {
    return this.#leases;
  }

  /** For so long those who use it, one after the other, were given nothing. */
  get quietMs(): number {
    return this.#hooks.clock.now() - this.#heardMs;
  }

  /** Whether somebody uses it, waits for it, or will come back. */
  get wanted(): boolean {
    return this.#leases + this.#holds + this.#waiting.size > 0;
  }

  /**
   * Resolves when the engine is ready and takes callers. Rejects with `engine_busy` when the line is full,
   * `engine_not_ready` when the time is up, the cause of a failure that lasts, `cancelled`.
   */
  async admit(options: AdmitOptions): Promise<Lease> {
    const { clock } = this.#hooks;
    const beganMs = clock.now();
    try {
      const lease = await this.#admit(options);
      this.waits.add('seated', clock.now() - beganMs);
      return lease;
    } catch (error) {
      this.waits.add(options.signal.aborted ? 'left' : 'refused', clock.now() - beganMs);
      throw error;
    }
  }

  async #admit({ signal, onWait }: AdmitOptions): Promise<Lease> {
    if (this.#closed) throw this.#closed;
    if (signal.aborted) throw this.#unwanted();
    const { clock, limits } = this.#hooks;
    const standing = this.#hooks.standing();
    if (standing.state === 'failed') throw this.#failed(standing.failure);
    if (standing.state === 'ready' && this.#keepers.size === 0 && this.#waiting.size === 0)
      return this.#grant(standing.instance);
    if (this.#waiting.size >= limits.max) throw this.#full();
    const promise = Promise.withResolvers<Lease>();
    const refuse = (error: GreenroomError) => {
      if (this.#remove(waiter)) promise.reject(error);
    };
    const onAbort = () => refuse(this.#unwanted());
    const timer: Timer = clock.after(limits.ms, () => refuse(this.#late(waiter)), { ref: false });
    const leave = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    };
    const waiter: Waiter = { promise, sinceMs: clock.now(), leave };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.add(waiter);
    onWait?.({ position: () => this.#position(waiter) });
    this.#hooks.need();
    this.look();
    return promise.promise;
  }

  /** The engine, or its place among others, has changed. */
  look(): void {
    const standing = this.#hooks.standing();
    if (standing.state === 'failed') return this.#refuseAll(() => this.#failed(standing.failure));
    if (standing.state !== 'ready' || this.#keepers.size > 0) return;
    for (const waiter of [...this.#waiting])
      if (this.#remove(waiter)) waiter.promise.resolve(this.#grant(standing.instance));
  }

  /** It will be used again and again: it is started, and not unloaded until the undo. Idempotent undo. */
  hold(): () => void {
    let state: 'held' | 'released' = 'held';
    this.#holds += 1;
    this.#hooks.used();
    this.#hooks.need();
    return () => {
      if (state === 'released') return;
      state = 'released';
      this.#holds -= 1;
      this.#hooks.used();
    };
  }

  /**
   * Lets nobody in, and waits until those who are have left, for so long and while this keeper keeps the gate shut.
   * Whoever comes waits in the line.
   */
  async drain(keeper: GateKeeper, ms: number): Promise<'empty' | 'late'> {
    this.#keepers.add(keeper);
    if (this.#leases === 0) return 'empty';
    return new Promise((resolve) => {
      const end = (outcome: 'empty' | 'late') => {
        timer.cancel();
        this.#drains.delete(end);
        resolve(outcome);
      };
      const timer = this.#hooks.clock.after(ms, () => end('late'), { ref: false });
      this.#drains.set(end, keeper);
    });
  }

  /** Takes callers again, unless another keeps the gate shut. */
  open(keeper: GateKeeper): void {
    this.#keepers.delete(keeper);
    for (const [end, waits] of [...this.#drains]) if (waits === keeper) end('late');
    this.look();
  }

  /** Nobody waits any more, and nobody may come. Leases stay until they are released. */
  close(error: GreenroomError): void {
    this.#closed ??= error;
    this.#refuseAll(() => error);
    this.#emptied();
  }

  #grant(instance: EngineInstance): Lease {
    let state: 'held' | 'released' = 'held';
    const heard = () => {
      this.#heardMs = this.#hooks.clock.now();
    };
    // Its time to give something begins when somebody asks, and goes on when the next one does.
    if (this.#leases === 0) {
      heard();
      if (this.#silence?.instance === instance) this.#heardMs -= this.#silence.ms;
    }
    this.#leases += 1;
    this.#hooks.used();
    return {
      instance,
      heard,
      release: (end = 'done') => {
        if (state === 'released') return;
        state = 'released';
        this.#leases -= 1;
        if (end === 'done') heard();
        if (this.#leases === 0) this.#silence = { instance, ms: this.quietMs };
        this.#hooks.released(end);
        if (this.#leases === 0) this.#emptied();
        this.#hooks.used();
      },
    };
  }

  #emptied(): void {
    for (const end of [...this.#drains.keys()]) end('empty');
  }

  #remove(waiter: Waiter): boolean {
    waiter.leave();
    return this.#waiting.delete(waiter);
  }

  #refuseAll(why: () => GreenroomError): void {
    for (const waiter of [...this.#waiting]) if (this.#remove(waiter)) waiter.promise.reject(why());
  }

  #position(waiter: Waiter): number {
    return [...this.#waiting].indexOf(waiter) + 1;
  }

  #unwanted(): GreenroomError {
    return new GreenroomError('cancelled', `nobody waits for engine ${this.#hooks.status().name} any more`);
  }

  #failed({ code, message, logTail }: EngineFailure): GreenroomError {
    const { state, rung, elapsedMs } = this.#hooks.status();
    return new GreenroomError(code, message, { details: { state, rung, elapsedMs, logTail } });
  }

  #full(): GreenroomError {
    const { max } = this.#hooks.limits;
    const { name, state, rung, elapsedMs, etaMs } = this.#hooks.status();
    const message = `engine ${name} is ${placeOf({ state, rung })} and ${max} callers wait for it, as many as may`;
    return new GreenroomError('engine_busy', message, {
      details: { state, rung, elapsedMs, waiting: max, retryAfterMs: etaMs },
    });
  }

  #late(waiter: Waiter): GreenroomError {
    const { name, state, rung, elapsedMs, etaMs, failure } = this.#hooks.status();
    const waitedMs = Math.round(this.#hooks.clock.now() - waiter.sinceMs);
    const position = this.#position(waiter);
    const logTail = failure?.logTail ?? [];
    const why = failure ? `; last failure: ${failure.message}` : '';
    const message = `engine ${name} is still ${placeOf({ state, rung })} after ${waitedMs} ms of waiting${why}`;
    return new GreenroomError('engine_not_ready', message, {
      details: { state, rung, elapsedMs, waitedMs, position, logTail, retryAfterMs: etaMs },
    });
  }
}
