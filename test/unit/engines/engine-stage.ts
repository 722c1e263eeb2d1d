// An engine in virtual time over an instance that does what it is told, for one test; nothing of it may be left.
import { expect } from 'vitest';
import { Engine, type EngineOptions } from '../../../src/engines/engine.ts';
import type { EngineInstance, InstanceEvents, SpawnRequest } from '../../../src/engines/instance.ts';
import { limitsDefault } from '../../../src/engines/state.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { failure } from './lives.ts';

export class FakeInstance implements EngineInstance {
  readonly pid = 123;
  readonly port = null;
  readonly endpoint = null;
  readonly offers = ['speak'] as const;
  readonly logTail = ['its last line'];
  readonly activeCalls = 0;
  readonly asked: string[] = [];
  readonly events: InstanceEvents;
  readonly scope: Scope;
  readonly #ends: 'when asked' | 'when killed' | 'never';

  constructor({ events }: SpawnRequest, scope: Scope, ends: 'when asked' | 'when killed' | 'never') {
    this.events = events;
    this.scope = scope;
    this.#ends = ends;
    scope.defer('something it holds', () => void this.asked.push('released'));
  }

  terminate(): void {
    this.asked.push('terminate');
    if (this.#ends === 'when asked') queueMicrotask(() => this.exit());
  }

  kill(): void {
    this.asked.push('kill');
    if (this.#ends !== 'never') queueMicrotask(() => this.exit());
  }

  exit(message = 'exited with code 1'): void {
    this.events.exited(failure(message));
  }

  async *speak(): AsyncGenerator<never> {
    // Says nothing.
  }

  async *chat(): AsyncGenerator<never> {
    // Says nothing.
  }

  async *transcribe(): AsyncGenerator<never> {
    // Hears nothing.
  }

  async embed(): Promise<never> {
    throw new Error('not asked for');
  }

  openVad(): never {
    throw new Error('not asked for');
  }
}

export class Stage implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly scope = new Scope('test', { clock: this.clock });
  readonly instances: FakeInstance[] = [];
  readonly changes: string[] = [];
  readonly faults: unknown[] = [];
  readonly engine: Engine;

  constructor(
    ends: 'when asked' | 'when killed' | 'never' = 'when asked',
    options: Partial<EngineOptions> = {},
  ) {
    this.engine = new Engine({
      name: 'mine',
      kind: 'worker',
      clock: this.clock,
      limits: { ...limitsDefault, stallMs: 1000, totalMs: 5000, stopGraceMs: 500 },
      scope: this.scope.child('mine', { kind: 'engine' }),
      spawner: (scope) => (request) => {
        const instance = new FakeInstance(request, scope, ends);
        this.instances.push(instance);
        return instance;
      },
      random: () => 0.5,
      onChange: (engine, before) => this.changes.push(`${before.state} ${engine.life.state}`),
      onListenerFault: (error) => this.faults.push(error),
      ...options,
    });
  }

  get last(): FakeInstance {
    const last = this.instances.at(-1);
    if (!last) throw new Error('nothing was spawned');
    return last;
  }

  ready(): FakeInstance {
    this.engine.start();
    this.last.events.climbed('ready');
    return this.last;
  }

  deadline(ms: number): Deadline {
    return new Deadline(this.clock, ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.scope.close('done', { graceMs: 100 });
    await this.clock.advance(200);
    await closed;
    await this.clock.advance(0);
    expect(this.clock.pending, 'timers left').toBe(0);
  }
}
