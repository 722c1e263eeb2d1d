// One task: asks its engine, tells its caller, writes down what comes of it. The shell of task-state.ts. Everything that it
// has under way is in a scope of its own, below that of its owner: closing the one or the other ends it at once.
import { delay } from '../lifecycle/clock.ts';
import { toGreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { TaskRow } from '../store/store.ts';
import type { Item } from '../wire/items.ts';
import type { TaskPlan } from './plan.ts';
import { askedAgain, type TaskMessage, taskQuestion } from './question.ts';
import { failureInstructions, summaryInstructions, summaryPrompt } from './summary.ts';
import { factsOf, noticeOf, rowOf, type TaskFacts, type TaskOrigin, type TaskTrigger } from './task-facts.ts';
import type { TaskHost } from './task-host.ts';
import {
  begin,
  isOver,
  next,
  type TaskEffect,
  type TaskInput,
  type TaskState,
  type TaskStep,
} from './task-state.ts';

/** What all tasks of a gateway write to and tell. */
export interface TaskWorld {
  /** Does not wait, and is never told that a disk is full. */
  readonly write: (row: Omit<TaskRow, 'run'>) => void;
  /** Resolves when everything written before is on disk, or with why it is not. */
  readonly saved: () => Promise<
    { readonly state: 'saved' } | { readonly state: 'lost'; readonly why: string }
  >;
  /** Its state has another word. */
  readonly changed: (task: TaskFacts) => void;
  /** For the log. */
  readonly warn: (task: TaskFacts, message: string) => void;
}

export interface TaskRunOptions {
  readonly id: string;
  readonly session: string;
  readonly plan: TaskPlan;
  readonly trigger: TaskTrigger;
  /** Of the session; of a task that begins at its end, of all sessions. */
  readonly owner: Scope;
  readonly host: TaskHost;
  readonly world: TaskWorld;
}

/** Whoever waits hears this often that somebody is still there, however long the engine says nothing. */
const keepaliveMs = 3000;
/** The result is spoken after so long even if the disk has not taken it. */
const saveMsMax = 5000;

export class TaskRun {
  readonly plan: TaskPlan;
  readonly #options: TaskRunOptions;
  readonly #origin: TaskOrigin;
  readonly #transcript: readonly Item[];
  #state: TaskState;

  /** The transcript is taken now. */
  constructor(options: TaskRunOptions) {
    const { id, session, plan, trigger, owner, host } = options;
    this.plan = plan;
    this.#options = options;
    this.#origin = { id, name: plan.name, session, trigger, startedAtMs: owner.clock.wallTime() };
    this.#transcript = host.transcript();
    this.#state = begin(owner.clock.now()).state;
  }

  get over(): boolean {
    return isOver(this.#state);
  }

  facts(): TaskFacts {
    return factsOf(this.#origin, this.#state, this.#options.owner.clock.now());
  }

  /** Once. Where its owner is closing already, it is cancelled. */
  start(): void {
    const { owner, plan } = this.#options;
    this.#perform(begin(this.#state.startedMs).effects);
    if (owner.state !== 'open') return this.#cancelled(owner.reason ?? 'done');
    // Of one that goes on after its session the owner does not say whose it is.
    const scope = owner.child(`task ${plan.name} of ${this.#origin.session}`, { kind: 'task' });
    const work = scope.spawn(`ask ${plan.think.name}`, (signal) => this.#work(scope, signal));
    this.#keepAlive(scope);
    const limit = scope.clock.after(plan.limitMs, () => this.#tooLong(scope), { ref: false });
    scope.defer('limit', () => limit.cancel());
    // The last one, so the first to be released: what it ends as is known before anything is waited for.
    scope.defer('end', ({ reason }) => this.#cancelled(reason));
    void work.done.then(() => scope.close('done'));
  }

  async #work(scope: Scope, signal: AbortSignal): Promise<void> {
    const { plan, host } = this.#options;
    const letGo = plan.think.lobby.hold();
    try {
      plan.think.need();
      const standing = await plan.think.whenReady(signal);
      if (standing.state === 'failed') {
        const { code, message } = standing.failure;
        return this.#feed({ type: 'failed', code, message });
      }
      const transcript = (await host.written?.(this.#transcript, signal)) ?? this.#transcript;
      if (signal.aborted) return;
      const { instructions, schema } = plan;
      await this.#ask(taskQuestion({ instructions, schema, transcript }), signal);
      if (this.#state.word === 'saving') await this.#save(scope, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const { code, message } = toGreenroomError(thrown);
      this.#feed({ type: 'failed', code, message });
    } finally {
      letGo();
    }
  }

  async #ask(messages: readonly TaskMessage[], signal: AbortSignal): Promise<void> {
    const { plan } = this.#options;
    const { schema } = plan;
    const call = { messages, ...(schema && { responseSchema: schema }) };
    for await (const part of plan.think.chat(call, signal)) {
      if ('text' in part && part.text !== '') this.#feed({ type: 'piece', text: part.text });
      if (signal.aborted || this.over) return;
    }
    if (signal.aborted) return;
    const { text } = this.#state;
    const outcome = plan.read(text);
    this.#feed({ type: 'answered', outcome });
    if (outcome.state === 'wrong' && !this.over)
      await this.#ask(askedAgain(messages, text, outcome.why), signal);
  }

  /** Nothing is said of a result that could still be lost. */
  async #save(scope: Scope, signal: AbortSignal): Promise<void> {
    const { world, owner } = this.#options;
    const saving = scope.child('save');
    const late = delay(owner.clock, saveMsMax, saving.signal).then(() => undefined);
    const flushed = await Promise.race([world.saved(), late]);
    // A timer that is left runs on, and keeps the gateway from leaving.
    void saving.close('done');
    if (signal.aborted) return;
    if (flushed?.state !== 'saved') {
      const why = flushed?.why ?? `the disk has not taken it for ${saveMsMax} ms`;
      world.warn(this.facts(), `its result is told before it is saved: ${why}`);
    }
    this.#feed({ type: 'saved' });
  }

  /** By a timer of its own: it comes whatever the engine does. */
  #keepAlive(scope: Scope): void {
    const { host } = this.#options;
    const { id: task } = this.#origin;
    const { clock } = scope;
    let dueMs = clock.now();
    const arm = () => {
      // By the clock, so that being late once does not add up.
      dueMs += keepaliveMs;
      return clock.after(dueMs - clock.now(), tick, { ref: false });
    };
    const tick = () => {
      const elapsed_ms = Math.round(clock.now() - this.#state.startedMs);
      host.notice({ type: 'greenroom.keepalive', task, elapsed_ms });
      timer = arm();
    };
    let timer = arm();
    scope.defer('keepalive', () => timer.cancel());
  }

  #tooLong(scope: Scope): void {
    const { limitMs, think } = this.plan;
    const message = `engine ${think.name} gave no result within ${limitMs} ms (limit of the task)`;
    this.#feed({ type: 'failed', code: 'deadline_exceeded', message });
    void scope.close('deadline');
  }

  #cancelled(reason: CloseReason): void {
    this.#feed({ type: 'cancelled', message: `its session has ended: ${reason}` });
  }

  #feed(
    input: TaskInput extends infer Input ? (Input extends unknown ? Omit<Input, 'atMs'> : never) : never,
  ): void {
    const step = next(this.#state, { ...input, atMs: this.#options.owner.clock.now() } as TaskInput);
    this.#apply(step);
  }

  #apply({ state, effects }: TaskStep): void {
    this.#state = state;
    this.#perform(effects);
  }

  #perform(effects: readonly TaskEffect[]): void {
    const { world, host, plan } = this.#options;
    const { id, name, trigger } = this.#origin;
    for (const effect of effects) {
      if (effect === 'save') world.write(rowOf(this.#origin, this.#state));
      const facts = this.facts();
      if (effect === 'tell') {
        host.notice(noticeOf(facts));
        world.changed(facts);
      }
      if (effect !== 'speak' || !plan.speak || trigger === 'end') continue;
      const { word } = this.#state;
      const voice = plan.speak.voice ?? null;
      if (word === 'done') {
        const instructions = summaryInstructions(name, plan.speak, facts.result);
        host.speak({ id, name, instructions, prompt: summaryPrompt(name), voice });
      } else if (word === 'failed' && trigger === 'tool')
        host.speak({
          ...{ id, name, voice: null },
          ...{ instructions: failureInstructions(name), prompt: summaryPrompt(name, word) },
        });
    }
  }
}
