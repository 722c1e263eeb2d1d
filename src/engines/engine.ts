// One engine: performs what its life (state.ts) decides, and answers those who use it. Owned by the supervisor.
import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Capability, PcmChunk, VadStream } from './contract.ts';
import type { EngineInstance, Spawner, SpeakCall } from './instance.ts';
import {
  type EngineFailure,
  type EngineLife,
  idleLife,
  type LifeEffect,
  type LifeEvent,
  type LifeLimits,
  type LifeTimer,
  nextLife,
} from './state.ts';
import { type EngineStatus, statusOf } from './status.ts';

export interface EngineOptions {
  readonly name: string;
  readonly kind: string;
  readonly clock: Clock;
  readonly limits: LifeLimits;
  readonly scope: Scope;
  /** Makes the spawner of one instance; its scope closes when the instance is gone. */
  readonly spawner: (scope: Scope) => Spawner;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onChange: (engine: Engine, before: EngineLife) => void;
}

export type Readiness =
  | { readonly state: 'ready' }
  | { readonly state: 'failed'; readonly failure: EngineFailure };

export class Engine {
  readonly name: string;
  readonly kind: string;
  readonly #options: EngineOptions;
  readonly #timers = new Map<LifeTimer, Timer>();
  readonly #listeners = new Set<(status: EngineStatus) => void>();
  #life: EngineLife = idleLife;
  #instance: EngineInstance | undefined;
  #instanceScope: Scope | undefined;
  #killed = false;

  constructor(options: EngineOptions) {
    this.name = options.name;
    this.kind = options.kind;
    this.#options = options;
  }

  get life(): EngineLife {
    return this.#life;
  }

  get offers(): readonly Capability[] {
    return this.#instance?.offers ?? [];
  }

  status(): EngineStatus {
    return statusOf({
      name: this.name,
      kind: this.kind,
      life: this.#life,
      instance: this.#instance,
      nowMs: this.#options.clock.now(),
    });
  }

  start(): void {
    this.#feed({ type: 'start' });
  }

  /** Told of every change; returns the undo. */
  onChange(listener: (status: EngineStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits until it is ready or has failed for good. Rejects with `cancelled` when the signal aborts. */
  whenReady(signal: AbortSignal): Promise<Readiness> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const readiness = this.#readiness();
        if (!readiness) return;
        leave();
        resolve(readiness);
      };
      const onAbort = () => {
        leave();
        reject(new GreenroomError('cancelled', `nobody waits for engine ${this.name} any more`));
      };
      const leave = () => {
        this.#listeners.delete(check);
        signal.removeEventListener('abort', onAbort);
      };
      if (signal.aborted) return onAbort();
      this.#listeners.add(check);
      signal.addEventListener('abort', onAbort, { once: true });
      check();
    });
  }

  speak(call: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk> {
    return this.#ready('speak').speak(call, signal);
  }

  openVad(rateHz: number): VadStream {
    return this.#ready('vad').openVad(rateHz);
  }

  /**
   * Asks it to end and waits until it is gone; when the deadline's grace is over it is killed.
   * @returns `stuck` when it was still there at the deadline
   */
  async stop(deadline: Deadline, graceMs: number): Promise<'stopped' | 'killed' | 'stuck'> {
    this.#killed = false;
    const gone = this.#whenStopped();
    this.#feed({ type: 'stop' });
    const grace = deadline.child(graceMs);
    const asked = await grace.wait(gone);
    grace.dispose();
    if (asked.state === 'done') return this.#killed ? 'killed' : 'stopped';
    this.kill();
    return (await deadline.wait(gone)).state === 'done' ? 'killed' : 'stuck';
  }

  kill(): void {
    this.#killed = true;
    this.#instance?.kill();
  }

  #whenStopped(): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#life.state !== 'stopped') return;
        this.#listeners.delete(check);
        resolve();
      };
      this.#listeners.add(check);
      check();
    });
  }

  #readiness(): Readiness | undefined {
    const { state, failure } = this.#life;
    if (state === 'ready') return { state: 'ready' };
    if (state === 'failed' && failure) return { state: 'failed', failure };
    if (state !== 'stopped') return undefined;
    const message = `engine ${this.name} is stopped`;
    return { state: 'failed', failure: { code: 'engine_stopped', message, logTail: [], kind: 'lasting' } };
  }

  #ready(capability: Capability): EngineInstance {
    const { state, rung } = this.#life;
    if (state !== 'ready' || !this.#instance) {
      throw new GreenroomError(
        'engine_not_ready',
        `engine ${this.name} is ${state}${rung ? ` (${rung})` : ''}, not ready`,
      );
    }
    if (!this.#instance.offers.includes(capability)) {
      const offers = this.#instance.offers.join(', ') || 'nothing';
      throw new GreenroomError(
        'engine_call_unsupported',
        `engine ${this.name} offers ${offers}, not ${capability}`,
      );
    }
    return this.#instance;
  }

  #feed(event: LifeEvent): void {
    const { clock, limits, random } = this.#options;
    const before = this.#life;
    const { life, effects } = nextLife(before, event, { limits, nowMs: clock.now(), random: random() });
    this.#life = life;
    for (const effect of effects) this.#perform(effect);
    if (life === before) return;
    this.#options.onChange(this, before);
    for (const listener of [...this.#listeners]) listener(this.status());
  }

  #perform(effect: LifeEffect): void {
    switch (effect.type) {
      case 'spawn':
        return this.#spawn(effect.instance);
      case 'terminate':
        return this.#instance?.terminate();
      case 'kill':
        return this.kill();
      case 'arm':
        return this.#arm(effect.timer, effect.ms);
      case 'disarm':
        this.#timers.get(effect.timer)?.cancel();
        this.#timers.delete(effect.timer);
        return;
    }
  }

  #arm(timer: LifeTimer, ms: number): void {
    this.#timers.get(timer)?.cancel();
    const due = () => this.#feed({ type: 'due', timer, failure: this.#lateness(timer, ms) });
    this.#timers.set(timer, this.#options.clock.after(ms, due, { ref: false }));
  }

  #lateness(timer: LifeTimer, ms: number): EngineFailure {
    const { rung, text } = this.#life;
    const where = `at rung ${rung ?? 'none'}${text ? ` (${text})` : ''}`;
    const logTail = this.#instance?.logTail ?? [];
    if (timer === 'stall') {
      const message = `engine ${this.name}: no sign of progress for ${ms} ms, ${where}`;
      return { code: 'engine_stalled', message, logTail, kind: 'passing' };
    }
    return {
      code: 'engine_deadline',
      message: `engine ${this.name}: not ready after ${ms} ms, ${where}`,
      logTail,
      kind: 'passing',
    };
  }

  #spawn(instance: number): void {
    this.#killed = false;
    // The last instance's scope is closed when it is gone, so there is never more than one.
    const scope = this.#options.scope.child(`instance ${instance}`, { kind: 'engine_instance' });
    this.#instanceScope = scope;
    this.#instance = this.#options.spawner(scope)({
      engine: this.name,
      marker: randomUUID(),
      events: {
        climbed: (rung) => this.#feed({ type: 'climbed', instance, rung }),
        progressed: (fraction, text) => this.#feed({ type: 'progressed', instance, fraction, text }),
        active: () => this.#feed({ type: 'active', instance }),
        failed: (failure) => this.#feed({ type: 'failed', instance, failure }),
        exited: (failure) => {
          void this.#instanceScope?.close('done');
          this.#instance = undefined;
          this.#feed({ type: 'exited', instance, failure });
        },
      },
    });
  }
}
