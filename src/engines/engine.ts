// One engine: performs what its life (state.ts) decides, and answers those who use it. Owned by its scope, as is each of
// its instances by a scope below: closing the one or the other ends what runs.
import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { Announcer } from '../telemetry/announcer.ts';
import type { Capability, PcmChunk, VadStream } from './contract.ts';
import type { EngineInstance, InstanceEvents, Spawner, SpeakCall } from './instance.ts';
import type { AdmitOptions, Lease } from './lease.ts';
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
  /** How long the load under way will take in all, where somebody knows. */
  readonly expectedMs?: () => number | null;
  /** A listener of `onChange` threw. */
  readonly onListenerFault: (error: unknown) => void;
}

export type Readiness =
  | { readonly state: 'ready' }
  | { readonly state: 'failed'; readonly failure: EngineFailure };

/** `killed`: it did not end when it was asked. `stuck`: it was still there at the deadline, killed or not. */
export type StopOutcome = 'stopped' | 'killed' | 'stuck';

/** From a spawn until its instance is gone. */
interface Run {
  readonly exited: PromiseWithResolvers<void>;
  scope: Scope | undefined;
  instance: EngineInstance | undefined;
  end: 'asked' | 'killed';
}

export class Engine {
  readonly name: string;
  readonly kind: string;
  readonly #options: EngineOptions;
  readonly #timers = new Map<LifeTimer, Timer>();
  readonly #changes: Announcer<EngineStatus>;
  #life: EngineLife = idleLife;
  #run: Run | undefined;

  constructor(options: EngineOptions) {
    this.name = options.name;
    this.kind = options.kind;
    this.#options = options;
    this.#changes = new Announcer(options.onListenerFault);
    // Runs after the scopes of the instances have closed: a retry may be left to take back.
    options.scope.defer('life', () => this.#feed({ type: 'stop', graceMs: 0 }));
  }

  get life(): EngineLife {
    return this.#life;
  }

  get offers(): readonly Capability[] {
    return this.#run?.instance?.offers ?? [];
  }

  status(): EngineStatus {
    const { name, kind } = this;
    const nowMs = this.#options.clock.now();
    const expectedMs = this.#options.expectedMs?.() ?? null;
    return statusOf({ name, kind, life: this.#life, instance: this.#run?.instance, expectedMs, nowMs });
  }

  /** No effect when it runs already, or when its scope has closed. */
  start(): void {
    if (this.#options.scope.state === 'open') this.#feed({ type: 'start' });
  }

  /** Told of every change; returns the undo. */
  onChange(listener: (status: EngineStatus) => void): () => void {
    return this.#changes.listen(listener);
  }

  /** Something that is shown of it has changed, though its life has not. */
  tell(): void {
    this.#changes.announce(this.status());
  }

  /** Waits until it is ready or has failed for good. Rejects with `cancelled` when the signal aborts. */
  whenReady(signal: AbortSignal): Promise<Readiness> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const readiness = this.#readiness();
        if (!readiness) return;
        leave();
        resolve(readiness);
      };
      const onAbort = () => {
        leave();
        reject(new GreenroomError('cancelled', `nobody waits for engine ${this.name} any more`));
      };
      const unlisten = this.#changes.listen(look);
      const leave = () => {
        unlisten();
        signal.removeEventListener('abort', onAbort);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      look();
    });
  }

  /**
   * A place at the engine, once it is ready; it is started where it may be. Rejects with `engine_not_ready` when the
   * time is up, with the cause of the failure, with `cancelled`.
   */
  async admit({ signal }: AdmitOptions): Promise<Lease> {
    const readiness = await this.whenReady(signal);
    const instance = this.#run?.instance;
    if (readiness.state === 'ready' && instance) return { instance, release: () => undefined };
    const failure = readiness.state === 'failed' ? readiness.failure : undefined;
    const { code = 'engine_not_ready', message = `engine ${this.name} is not ready` } = failure ?? {};
    throw new GreenroomError(code, message, { details: { logTail: failure?.logTail ?? [] } });
  }

  speak(call: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk> {
    return this.#ready('speak').speak(call, signal);
  }

  openVad(rateHz: number): VadStream {
    return this.#ready('vad').openVad(rateHz);
  }

  /** Asks it to end, kills it when its grace is over, and waits until it is gone with all it held. */
  async stop(deadline: Deadline): Promise<StopOutcome> {
    const run = this.#run;
    if (!run) {
      this.#feed({ type: 'stop', graceMs: 0 });
      return 'stopped';
    }
    const outcome = await this.#end(run, deadline);
    if (run.scope) await deadline.wait(run.scope.closed);
    return outcome;
  }

  /** Ends it, without asking. */
  kill(): void {
    if (!this.#run) return;
    this.#run.end = 'killed';
    this.#run.instance?.kill();
  }

  async #end(run: Run, deadline: Deadline): Promise<StopOutcome> {
    if (run === this.#run) {
      // A fifth of the time is kept for KILL and its exit.
      const graceMs = Math.min(this.#options.limits.stopGraceMs, deadline.remainingMs() * 0.8);
      this.#feed({ type: 'stop', graceMs });
    }
    const { state } = await deadline.wait(run.exited.promise);
    if (state !== 'done') return 'stuck';
    return run.end === 'killed' ? 'killed' : 'stopped';
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
    const instance = this.#run?.instance;
    if (state !== 'ready' || !instance) {
      const where = `${state}${rung && state === 'starting' ? ` (${rung})` : ''}`;
      throw new GreenroomError('engine_not_ready', `engine ${this.name} is ${where}, not ready`);
    }
    if (instance.offers.includes(capability)) return instance;
    const offers = instance.offers.join(', ') || 'nothing';
    throw new GreenroomError(
      'engine_call_unsupported',
      `engine ${this.name} offers ${offers}, not ${capability}`,
    );
  }

  #feed(event: LifeEvent): void {
    const { clock, limits, random } = this.#options;
    const before = this.#life;
    const { life, effects } = nextLife(before, event, { limits, nowMs: clock.now(), random: random() });
    this.#life = life;
    for (const effect of effects) this.#perform(effect);
    if (life === before) return;
    this.#options.onChange(this, before);
    this.#changes.announce(this.status());
  }

  #perform(effect: LifeEffect): void {
    switch (effect.type) {
      case 'spawn':
        return this.#spawn(effect.instance);
      case 'terminate':
        return this.#run?.instance?.terminate();
      case 'kill':
        return this.kill();
      case 'arm':
        return this.#arm(effect.timer, effect.ms);
      case 'disarm':
        return this.#disarm(effect.timer);
    }
  }

  #arm(timer: LifeTimer, ms: number): void {
    this.#disarm(timer);
    const due = () => {
      this.#timers.delete(timer);
      this.#feed({ type: 'due', timer, failure: this.#lateness(timer, ms) });
    };
    this.#timers.set(timer, this.#options.clock.after(ms, due, { ref: false }));
  }

  #disarm(timer: LifeTimer): void {
    this.#timers.get(timer)?.cancel();
    this.#timers.delete(timer);
  }

  #lateness(timer: LifeTimer, ms: number): EngineFailure {
    const { rung, text } = this.#life;
    const where = `at rung ${rung ?? 'none'}${text ? ` (${text})` : ''}`;
    const logTail = this.#run?.instance?.logTail ?? [];
    const [code, what] =
      timer === 'stall'
        ? (['engine_stalled', 'no sign of progress for'] as const)
        : (['engine_deadline', 'not ready after'] as const);
    const message = `engine ${this.name}: ${what} ${ms} ms, ${where}`;
    return { code, message, logTail, kind: 'passing' };
  }

  #spawn(number: number): void {
    const run: Run = {
      exited: Promise.withResolvers(),
      scope: undefined,
      instance: undefined,
      end: 'asked',
    };
    this.#run = run;
    const tell = (event: LifeEvent) => {
      if (this.#run === run) this.#feed(event);
    };
    const exited = (failure: EngineFailure) => {
      if (this.#run !== run) return;
      this.#run = undefined;
      run.exited.resolve();
      void run.scope?.close('done');
      this.#feed({ type: 'exited', instance: number, failure });
    };
    try {
      this.#open(run, number, {
        climbed: (rung) => tell({ type: 'climbed', instance: number, rung }),
        progressed: (fraction, text) => tell({ type: 'progressed', instance: number, fraction, text }),
        active: () => tell({ type: 'active', instance: number }),
        failed: (failure) => tell({ type: 'failed', instance: number, failure }),
        exited,
      });
    } catch (error) {
      const message = `engine ${this.name}: cannot be started: ${messageOf(error)}`;
      const failure = { code: 'engine_program_missing', message, logTail: [], kind: 'passing' } as const;
      // Later, as any exit: this step of its life has not been told yet.
      queueMicrotask(() => exited(failure));
    }
  }

  #open(run: Run, number: number, events: InstanceEvents): void {
    const scope = this.#options.scope.child(`instance ${number}`, { kind: 'engine_instance' });
    run.scope = scope;
    const spawner = this.#options.spawner(scope);
    scope.defer('running', {
      close: async ({ deadline }) => {
        await this.#end(run, deadline);
        await run.exited.promise;
      },
      destroy: () => {
        if (run === this.#run) this.kill();
      },
    });
    run.instance = spawner({ engine: this.name, marker: randomUUID(), events });
  }
}
