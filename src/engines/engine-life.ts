// The shell of an engine's life (state.ts): performs what it decides, and feeds it what happens. Each of its runs has a
// scope of its own; closing that scope ends the run.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import { messageOf } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { EngineRun, type StopOutcome } from './engine-run.ts';
import type { EngineInstance, Spawner } from './instance.ts';
import {
  type EngineFailure,
  type EngineLife,
  idleLife,
  type LifeEffect,
  type LifeEvent,
  type LifeLimits,
  type LifeTimer,
  nextLife,
  type Rest,
} from './state.ts';

export interface LifeOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly limits: LifeLimits;
  readonly scope: Scope;
  /** Makes the spawner of one instance; its scope closes when the instance is gone. */
  readonly spawner: (scope: Scope) => Spawner;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onStep: (before: EngineLife) => void;
}

export class LifeShell {
  readonly #options: LifeOptions;
  readonly #timers = new Map<LifeTimer, Timer>();
  #life: EngineLife = idleLife;
  #run: EngineRun | undefined;

  constructor(options: LifeOptions) {
    this.#options = options;
  }

  get life(): EngineLife {
    return this.#life;
  }

  get instance(): EngineInstance | undefined {
    return this.#run?.instance;
  }

  /** From a spawn until it has exited. */
  get run(): EngineRun | undefined {
    return this.#run;
  }

  feed(event: LifeEvent): void {
    const { clock, limits, random, onStep } = this.#options;
    const before = this.#life;
    const { life, effects } = nextLife(before, event, { limits, nowMs: clock.now(), random: random() });
    this.#life = life;
    for (const effect of effects) this.#perform(effect);
    if (life !== before) onStep(before);
  }

  /** It is unfit for its work, though it is there. */
  unfit(failure: EngineFailure): void {
    this.feed({ type: 'failed', instance: this.#life.instance, failure });
  }

  /** Asks it to end, kills it when its grace is over, and waits until it is gone with all it held. */
  async stop(deadline: Deadline, rest: Rest): Promise<StopOutcome> {
    const run = this.#run;
    this.#askToStop(deadline, rest);
    return run ? run.ended(deadline) : 'stopped';
  }

  /** A fifth of the time is kept for KILL and its exit. */
  #askToStop(deadline: Deadline, rest: Rest): void {
    const graceMs = Math.min(this.#options.limits.stopGraceMs, deadline.remainingMs() * 0.8);
    this.feed({ type: 'stop', graceMs: this.#run ? graceMs : 0, rest });
  }

  #perform(effect: LifeEffect): void {
    switch (effect.type) {
      case 'spawn':
        return this.#spawn(effect.instance);
      case 'terminate':
        return this.instance?.terminate();
      case 'kill':
        return this.#run?.kill();
      case 'arm':
        return this.#arm(effect.timer, effect.ms);
      case 'disarm':
        return this.#disarm(effect.timer);
    }
  }

  #arm(timer: LifeTimer, ms: number): void {
    this.#disarm(timer);
    const tell = (seen: string) => {
      this.#timers.delete(timer);
      this.feed({ type: 'due', timer, failure: this.#lateness(timer, ms, seen) });
    };
    const due = () => {
      const looking = isLate(timer) && this.#life.rung === 'alive' ? this.instance?.unheard?.() : undefined;
      if (!looking) return tell('');
      // Meanwhile it may have gone, or have given a sign: then nothing is due any more.
      void looking.then((seen) => this.#timers.get(timer) === armed && tell(seen));
    };
    const armed = this.#options.clock.after(ms, due, { ref: false });
    this.#timers.set(timer, armed);
  }

  #disarm(timer: LifeTimer): void {
    this.#timers.get(timer)?.cancel();
    this.#timers.delete(timer);
  }

  #lateness(timer: LifeTimer, ms: number, seen: string): EngineFailure {
    const { rung, text } = this.#life;
    const where = `at rung ${rung ?? 'none'}${text ? ` (${text})` : ''}`;
    const logTail = this.instance?.logTail ?? [];
    const [code, what, next] =
      timer === 'stall'
        ? ([
            'engine_stalled',
            'no sign of progress for',
            'if it may be silent for longer, raise `ready.stall`',
          ] as const)
        : (['engine_deadline', 'not ready after', 'if it may take longer, raise `ready.total`'] as const);
    const message = `engine ${this.#options.name}: ${what} ${ms} ms, ${where}${seen && `: ${seen}`}; ${next}`;
    return { code, message, logTail, kind: 'passing' };
  }

  #spawn(instance: number): void {
    const { name } = this.#options;
    try {
      const run = this.#newRun(instance);
      this.#run = run;
      run.open();
    } catch (error) {
      const message = `engine ${name}: cannot be started: ${messageOf(error)}`;
      const failure = { code: 'engine_program_missing', message, logTail: [], kind: 'passing' } as const;
      // Later, as any exit: this step of its life has not been told yet.
      const run = this.#run;
      queueMicrotask(() => this.#exited(run, instance, failure));
    }
  }

  #newRun(instance: number): EngineRun {
    const { name, scope, spawner } = this.#options;
    const tell = (event: LifeEvent) => {
      if (this.#run === run) this.feed(event);
    };
    const run = new EngineRun({
      engine: name,
      scope: scope.child(`instance ${instance}`, { kind: 'engine_instance' }),
      spawner,
      events: {
        climbed: (rung) => tell({ type: 'climbed', instance, rung }),
        progressed: (fraction, text) => tell({ type: 'progressed', instance, fraction, text }),
        active: () => tell({ type: 'active', instance }),
        failed: (failure) => tell({ type: 'failed', instance, failure }),
        exited: (failure) => this.#exited(run, instance, failure),
      },
      onClose: (deadline) => {
        if (this.#run === run) this.#askToStop(deadline, 'stopped');
      },
    });
    return run;
  }

  #exited(run: EngineRun | undefined, instance: number, failure: EngineFailure): void {
    if (this.#run !== run) return;
    this.#run = undefined;
    run?.gone();
    this.feed({ type: 'exited', instance, failure });
  }
}

const isLate = (timer: LifeTimer): boolean => timer === 'stall' || timer === 'total';
