// Some engines of one group in virtual time, for one test.
import { expect } from 'vitest';
import { Engine, type EngineOptions } from '../../../src/engines/engine.ts';
import { EngineGroup, type GroupOptions } from '../../../src/engines/engine-group.ts';
import { limitsDefault } from '../../../src/engines/state.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { FakeInstance } from './engine-stage.ts';
import { failure } from './lives.ts';

export class EngineGroupStage implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly scope = new Scope('test', { clock: this.clock });
  readonly notes: string[] = [];
  /** Bytes at each look, in turn; the last one for ever. */
  available: number[] = [];
  /** The most that were there at a time. */
  loadedAtOnce = 0;
  readonly groupOptions: GroupOptions = {
    clock: this.clock,
    signal: this.scope.signal,
    availableBytes: async () =>
      this.available.length > 1 ? this.available.shift()! : (this.available[0] ?? null),
    note: (message) => this.notes.push(message),
  };
  readonly #engines = new Map<string, { readonly engine: Engine; readonly instances: FakeInstance[] }>();

  constructor(names: readonly string[], options: Partial<EngineOptions> = {}) {
    const group = new EngineGroup(this.groupOptions);
    for (const name of names) {
      const instances: FakeInstance[] = [];
      const engine = new Engine({
        name,
        kind: 'worker',
        start: 'lazy',
        clock: this.clock,
        limits: { ...limitsDefault, stallMs: 60_000, totalMs: 60_000, stopGraceMs: 500, failuresMax: 1000 },
        scope: this.scope.child(name, { kind: 'engine' }),
        spawner: (scope) => (request) => {
          const instance = new FakeInstance(request, scope, 'when asked');
          instances.push(instance);
          return instance;
        },
        random: () => 0.5,
        onChange: () => this.#count(),
        onListenerFault: (error) => expect.unreachable(String(error)),
        turns: group,
        ...options,
      });
      this.#engines.set(name, { engine, instances });
    }
  }

  engine(name: string): Engine {
    return this.#engines.get(name)!.engine;
  }

  instances(name: string): readonly FakeInstance[] {
    return this.#engines.get(name)!.instances;
  }

  last(name: string): FakeInstance {
    return this.instances(name).at(-1)!;
  }

  /** It loads, when it has been started, and is ready. */
  async ready(name: string): Promise<void> {
    for (let turns = 0; this.engine(name).life.state !== 'starting'; turns += 1) {
      if (turns > 100) expect.unreachable(`engine ${name} is ${this.engine(name).life.state}, not starting`);
      await this.clock.advance(50);
    }
    this.last(name).events.climbed('ready');
    await this.clock.advance(0);
  }

  fail(name: string, message: string): void {
    this.last(name).events.exited(failure(message, 'lasting'));
  }

  states(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#engines].map(([name, { engine }]) => [name, engine.life.state]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.scope.close('done', { graceMs: 100 });
    await this.clock.advance(1000);
    await closed;
    await this.clock.advance(0);
    expect(this.clock.pending, 'timers left').toBe(0);
  }

  #count(): void {
    const loaded = [...this.#engines.values()].filter(({ engine }) =>
      ['starting', 'ready', 'stopping'].includes(engine.life.state),
    );
    this.loadedAtOnce = Math.max(this.loadedAtOnce, loaded.length);
  }
}
