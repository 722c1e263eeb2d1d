// All tasks of a gateway: whose they are, what is counted of them, who is told.
import type { Flushed, Store } from '../store/store.ts';
import { Announcer } from '../telemetry/announcer.ts';
import { Histogram } from '../telemetry/histogram.ts';
import type { Log } from '../telemetry/log.ts';
import { SessionTasks, type SessionTasksOptions } from './session-tasks.ts';
import { factsOfRow, type ShownTaskWord, type TaskFacts } from './task-facts.ts';
import type { TaskWorld } from './task-run.ts';

export interface TaskDeskOptions {
  readonly log: Log;
  /** Undefined: nothing is kept of a task once its session has gone. */
  readonly store: Pick<Store, 'write' | 'flush' | 'sessionTasks'> | undefined;
}

/** How tasks have gone, since the start. */
export interface TaskMeasures {
  /** Times that one came into a state. */
  readonly counts: ReadonlyMap<ShownTaskWord, number>;
  /** Of those that have ended, by how. */
  readonly durations: ReadonlyMap<ShownTaskWord, Histogram>;
}

export class TaskDesk {
  /** A task has another word. */
  readonly changes: Announcer<TaskFacts>;
  /** A session has ended, and each of its tasks. */
  readonly #left: Announcer<string>;
  readonly #options: TaskDeskOptions;
  readonly #sessions = new Map<string, SessionTasks>();
  readonly #words = new Map<string, ShownTaskWord>();
  readonly #counts = new Map<ShownTaskWord, number>();
  readonly #durations = new Map<ShownTaskWord, Histogram>();
  readonly #world: TaskWorld;

  constructor(options: TaskDeskOptions) {
    const { log, store } = options;
    this.#options = options;
    const onFault = (error: unknown) => log.error({ error }, 'a listener of tasks failed');
    this.changes = new Announcer(onFault);
    this.#left = new Announcer(onFault);
    this.#world = {
      write: (row) => store?.write({ type: 'task', row }),
      saved: async (): Promise<Flushed> => (store ? store.flush() : { state: 'saved' }),
      changed: (task) => this.#changed(task),
      warn: ({ id, name, session }, message) =>
        log.warn({ session, task: id }, `session ${session}: task ${name} (${id}): ${message}`),
    };
  }

  get measures(): TaskMeasures {
    return { counts: this.#counts, durations: this.#durations };
  }

  open(options: Omit<SessionTasksOptions, 'world'>): SessionTasks {
    const { session, scope } = options;
    const tasks = new SessionTasks({ ...options, world: this.#world });
    this.#sessions.set(session, tasks);
    void scope.closed.then(({ reason }) => {
      tasks.ended(reason);
      if (tasks.over) this.#forget(session);
    });
    return tasks;
  }

  /** Of a session that is open. */
  live(session: string): SessionTasks | undefined {
    return this.#sessions.get(session);
  }

  /** Whether one that has not ended asks this engine. */
  uses(engine: string): boolean {
    return [...this.#sessions.values()].some((tasks) => tasks.uses(engine));
  }

  /** Resolves when a session has ended, and each of its tasks: at once where nothing is known of it. */
  over(session: string): Promise<void> {
    if (!this.#sessions.has(session)) return Promise.resolve();
    return new Promise((resolve) => {
      const leave = this.#left.listen((one) => {
        if (one !== session) return;
        leave();
        resolve();
      });
    });
  }

  /** Of a session that is open or not, in the order in which they began; null: nothing is known of any. */
  async of(session: string): Promise<readonly TaskFacts[] | null> {
    const live = this.#sessions.get(session);
    if (live) return live.list();
    const { store } = this.#options;
    if (!store) return null;
    await store.flush();
    const rows = await store.sessionTasks(session);
    return rows.length > 0 ? rows.map(factsOfRow) : null;
  }

  #changed(task: TaskFacts): void {
    const { id, name, session, state, error, progress } = task;
    // Progress comes again and again.
    if (this.#words.get(id) === state) return;
    this.#words.set(id, state);
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + 1);
    const { log } = this.#options;
    if (task.endedAtMs !== null) this.#over(task);
    const facts = { session, task: id, name, ms: progress?.elapsedMs, ...(error && { error }) };
    const line = `session ${session}: task ${name} (${id}): ${state}`;
    if (state === 'failed') log.warn(facts, `${line}: ${error?.message}`);
    else if (state !== 'progress') log.info(facts, line);
    this.changes.announce(task);
  }

  #over({ id, state, session, progress }: TaskFacts): void {
    this.#words.delete(id);
    const durations = this.#durations.get(state) ?? new Histogram();
    durations.add(progress?.elapsedMs ?? 0);
    this.#durations.set(state, durations);
    const tasks = this.#sessions.get(session);
    if (tasks?.over) this.#forget(session);
  }

  #forget(session: string): void {
    this.#sessions.delete(session);
    this.#left.announce(session);
  }
}
