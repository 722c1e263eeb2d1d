// The tasks of one session: each of those that its pipeline declares, once, whoever triggers it and how often.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { NewId } from '../wire/ids.ts';
import type { TaskPlan } from './plan.ts';
import { hasCaller } from './question.ts';
import type { TaskFacts, TaskTrigger } from './task-facts.ts';
import type { TaskHost } from './task-host.ts';
import { TaskRun, type TaskWorld } from './task-run.ts';

export interface SessionTasksOptions {
  readonly session: string;
  readonly pipeline: string;
  readonly plans: readonly TaskPlan[];
  /** Of the session. */
  readonly scope: Scope;
  /** Of all sessions: what outlives this one ends with it. */
  readonly owner: Scope;
  readonly host: TaskHost;
  readonly newId: NewId;
  readonly world: TaskWorld;
}

/** `again`: it had been triggered before, and is not run a second time. */
export interface Triggered {
  readonly state: 'begun' | 'again';
  readonly task: TaskFacts;
}

export class SessionTasks {
  readonly session: string;
  readonly #options: SessionTasksOptions;
  readonly #runs = new Map<string, TaskRun>();
  #session: 'open' | 'ended' = 'open';

  constructor(options: SessionTasksOptions) {
    this.#options = options;
    this.session = options.session;
  }

  get open(): boolean {
    return this.#session === 'open' && this.#options.scope.state === 'open';
  }

  /** Those that a model can trigger. */
  get tools(): readonly TaskPlan[] {
    return this.#options.plans.filter(({ tool }) => tool !== undefined);
  }

  list(): readonly TaskFacts[] {
    return [...this.#runs.values()].map((run) => run.facts());
  }

  /** Whether one that has not ended asks this engine. */
  uses(engine: string): boolean {
    return [...this.#runs.values()].some((run) => !run.over && run.plan.think.name === engine);
  }

  /** Its session has ended, and so has each of them: nothing comes any more. */
  get over(): boolean {
    return this.#session === 'ended' && [...this.#runs.values()].every((run) => run.over);
  }

  /** @throws GreenroomError `not_found`: the pipeline declares no such task */
  trigger(name: string, trigger: Exclude<TaskTrigger, 'end'>): Triggered {
    const { plans, pipeline, scope, owner, session } = this.#options;
    const plan = plans.find((each) => each.name === name);
    if (!plan) {
      const names = plans.map((each) => each.name);
      const there = names.length > 0 ? `there are: ${names.join(', ')}` : 'it declares none (`tasks:`)';
      throw new GreenroomError(
        'not_found',
        `pipeline ${pipeline} has no task ${JSON.stringify(name.slice(0, 64))}; ${there}`,
        {
          details: { session, pipeline, tasks: names },
        },
      );
    }
    const before = this.#runs.get(name);
    if (before) return { state: 'again', task: before.facts() };
    // What is to be done at the end of a session is not undone by it, because it was begun a little earlier.
    const under = plan.on === 'end' ? owner : scope;
    return { state: 'begun', task: this.#run(plan, trigger, under) };
  }

  /**
   * The session has ended, and its own tasks with it: those that begin then begin, below its owner. Not where nobody has
   * said a word; a gateway that leaves records them as cancelled.
   */
  ended(reason: CloseReason): void {
    const { plans, host, owner } = this.#options;
    this.#session = 'ended';
    const due = plans.filter(({ name, on }) => on === 'end' && !this.#runs.has(name));
    if (due.length === 0 || reason === 'setup_failed' || !hasCaller(host.transcript())) return;
    for (const plan of due) this.#run(plan, 'end', owner);
  }

  #run(plan: TaskPlan, trigger: TaskTrigger, owner: Scope): TaskFacts {
    const { session, host, world, newId } = this.#options;
    const run = new TaskRun({ id: newId('task'), session, plan, trigger, owner, host, world });
    this.#runs.set(plan.name, run);
    run.start();
    return run.facts();
  }
}
