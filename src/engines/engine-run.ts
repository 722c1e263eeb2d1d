// One run of an engine, from its spawn until its instance is gone with all that it held: a scope of its own, closed when
// it has exited; closing the scope ends the run.
import { randomUUID } from 'node:crypto';
import type { Deadline } from '../lifecycle/deadline.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { EngineInstance, InstanceEvents, Spawner } from './instance.ts';

/** `killed`: it did not end when it was asked. `stuck`: it was still there at the deadline, killed or not. */
export type StopOutcome = 'stopped' | 'killed' | 'stuck';

export interface RunOptions {
  readonly engine: string;
  readonly scope: Scope;
  readonly spawner: (scope: Scope) => Spawner;
  readonly events: InstanceEvents;
  /** Its scope closes: it is to be asked to end. */
  readonly onClose: (deadline: Deadline) => void;
}

export class EngineRun {
  readonly #options: RunOptions;
  readonly #exited = Promise.withResolvers<void>();
  #instance: EngineInstance | undefined;
  #end: 'asked' | 'killed' = 'asked';

  /** Nothing is spawned yet: its owner knows it first. */
  constructor(options: RunOptions) {
    this.#options = options;
  }

  get instance(): EngineInstance | undefined {
    return this.#instance;
  }

  /** Resolves when it has exited. */
  get exited(): Promise<void> {
    return this.#exited.promise;
  }

  /** Resolves when what it held is released too. */
  get released(): Promise<unknown> {
    return this.#options.scope.closed;
  }

  /** Throws when it cannot be spawned; then the owner calls `gone`. */
  open(): void {
    const { engine, scope, spawner, events, onClose } = this.#options;
    const spawn = spawner(scope);
    scope.defer('running', {
      close: async ({ deadline }) => {
        onClose(deadline);
        await this.#exited.promise;
      },
      destroy: () => this.kill(),
    });
    this.#instance = spawn({ engine, marker: randomUUID(), events });
  }

  /** It has exited: what it held is released. */
  gone(): void {
    this.#exited.resolve();
    void this.#options.scope.close('done');
  }

  kill(): void {
    this.#end = 'killed';
    this.#instance?.kill();
  }

  /** Waits until it has exited, and until what it held is released. */
  async ended(deadline: Deadline): Promise<StopOutcome> {
    const { state } = await deadline.wait(this.#exited.promise);
    if (state !== 'done') return 'stuck';
    await deadline.wait(this.#options.scope.closed);
    return this.#end === 'killed' ? 'killed' : 'stopped';
  }
}
