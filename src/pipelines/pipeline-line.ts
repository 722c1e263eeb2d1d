// A pipeline as the configuration has it, in all its generations (generations.ts): builds them, watches over one that is
// built beside the current, holds the limit of those that drain. Owns no session; its timers end with `close`.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import {
  currentOf,
  type Generation,
  type GenerationEffect,
  type GenerationEvent,
  type GenerationFailure,
  type Generations,
  type GenerationWord,
  generationsMax,
  nextGenerations,
  noGenerations,
  type RestartMode,
  restartRefusal,
} from './generations.ts';
import type { PipelineBasics } from './pipeline.ts';

/** One of a pipeline has another state. */
export interface GenerationChange {
  readonly pipeline: string;
  readonly kind: string;
  readonly generation: number;
  readonly state: GenerationWord;
  /** Null: it is new. */
  readonly before: GenerationWord | null;
  /** That are in it. */
  readonly sessions: number;
  /** Why it was not to be, where that is so. */
  readonly failure: GenerationFailure | null;
}

export interface LineOptions<Built extends PipelineBasics> {
  readonly name: string;
  readonly clock: Clock;
  /** Sessions stay in a generation that is not current for so long. */
  readonly drainMs: () => number;
  readonly onChange: (change: GenerationChange, built: Built) => void;
  /** Its sessions stay; they are told. */
  readonly onDraining: (built: Built, current: number | null) => void;
  /** Its sessions have had their time. */
  readonly onOverdue: (built: Built) => void;
}

export interface GenerationFacts extends Omit<Generation, 'users'> {
  readonly users: number;
}

interface Member<Built> {
  readonly built: Built;
  word: GenerationWord | null;
  /** Until it is current. */
  leave: () => void;
  /** While it drains. */
  timer: Timer | undefined;
}

export class PipelineLine<Built extends PipelineBasics> {
  readonly name: string;
  readonly #options: LineOptions<Built>;
  readonly #members = new Map<number, Member<Built>>();
  #line: Generations = noGenerations;

  constructor(options: LineOptions<Built>) {
    this.name = options.name;
    this.#options = options;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** What new callers get; undefined when it was removed, or is not built yet. */
  get current(): Built | undefined {
    const current = currentOf(this.#line);
    return current && this.#members.get(current.number)?.built;
  }

  get state(): Generations['state'] | 'over' {
    return this.#line.state === 'removed' && this.#line.all.length === 0 ? 'over' : this.#line.state;
  }

  get failure(): GenerationFailure | null {
    return this.#line.failure;
  }

  /** The number that the next will have. */
  get next(): number {
    return this.#line.last + 1;
  }

  /** Those that are not closed, the oldest first. */
  list(): readonly (GenerationFacts & { readonly built: Built })[] {
    return this.#line.all.flatMap(({ users, ...facts }) => {
      const member = this.#members.get(facts.number);
      return member ? [{ ...facts, users: users.size, built: member.built }] : [];
    });
  }

  /** Takes a place in a generation; returns what gives it back. Idempotent. Throws `scope_closed` of one that is closed. */
  enter(built: Built, user: string): () => void {
    const generation = [...this.#members].find(([, member]) => member.built === built)?.[0];
    if (generation === undefined)
      throw new GreenroomError('scope_closed', `this generation of pipeline ${this.name} is closed`);
    this.#feed({ type: 'entered', generation, user });
    let state: 'in' | 'left' = 'in';
    return () => {
      if (state === 'left') return;
      state = 'left';
      this.#feed({ type: 'left', generation, user });
    };
  }

  /** Throws what stands against a restart: `restart_under_way`, `too_many_generations`. */
  check(mode: RestartMode): void {
    const refusal = restartRefusal(this.#line, mode);
    if (!refusal) return;
    const { name } = this;
    const building = this.#line.all.find(({ state }) => state === 'building');
    const forMs = Math.round(this.#options.clock.now() - (building?.sinceMs ?? 0));
    if (refusal === 'building') {
      const { number: generation = 0 } = building ?? {};
      const message = `pipeline ${name} is being restarted: generation ${generation} has been built for ${forMs} ms; wait, or give it up with mode "replace"`;
      throw new GreenroomError('restart_under_way', message, { details: { pipeline: name, generation } });
    }
    const message = `pipeline ${name} has ${generationsMax} generations with sessions in them, as many as may be: wait until one has drained`;
    throw new GreenroomError('too_many_generations', message, {
      details: { pipeline: name, generations: this.#line.all.map(({ number }) => number) },
    });
  }

  /** The next generation. Throws what `check` and `build` throw: nothing has changed then. Returns its number. */
  restart(mode: RestartMode, build: (generation: number) => Built): number {
    this.check(mode);
    const number = this.next;
    const built = build(number);
    this.#members.set(number, { built, word: null, leave: () => undefined, timer: undefined });
    this.#feed({ type: 'restart', mode });
    if (this.#members.get(number)?.word === 'building') this.#watch(number, built);
    return number;
  }

  /** It is not in the configuration any more: what is left of it drains. */
  remove(): void {
    this.#feed({ type: 'removed' });
  }

  /** Ends its timers and what it listens to. */
  close(): void {
    for (const { leave, timer } of this.#members.values()) {
      leave();
      timer?.cancel();
    }
  }

  /** Until its engines are ready, or one will not come back. */
  #watch(generation: number, built: Built): void {
    const look = () => {
      const { state, engines } = built.readiness();
      if (state === 'ready') return this.#feed({ type: 'ready', generation });
      if (state === 'waiting') return;
      const failure = engines.find(({ failure }) => failure)?.failure;
      const stopped = engines.find(({ state }) => state === 'stopped')?.name;
      const { code, message } = failure ?? {
        code: 'engine_stopped',
        message: `engine ${stopped} is stopped`,
      };
      this.#feed({ type: 'failed', generation, code, message });
    };
    const member = this.#members.get(generation);
    if (member) member.leave = built.onChange(look);
    built.need();
    look();
  }

  #feed(event: GenerationEvent): void {
    const { line, effects } = nextGenerations(this.#line, event, this.#options.clock.now());
    this.#line = line;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: GenerationEffect): void {
    const { clock, drainMs, onChange, onDraining, onOverdue } = this.#options;
    const { generation } = effect;
    const member = this.#members.get(generation);
    if (!member) return;
    const { built } = member;
    if (effect.type === 'tell') return onDraining(built, currentOf(this.#line)?.number ?? null);
    if (effect.type === 'evict') return onOverdue(built);
    const { state } = effect;
    const { word: before } = member;
    member.word = state;
    if (state !== 'building') member.leave();
    if (state === 'draining')
      member.timer = clock.after(drainMs(), () => this.#feed({ type: 'overdue', generation }), {
        ref: false,
      });
    if (state === 'closed') {
      member.timer?.cancel();
      this.#members.delete(generation);
    }
    const facts = this.#line.all.find(({ number }) => number === generation);
    const failure = this.#line.failure?.generation === generation ? this.#line.failure : null;
    const { name: pipeline } = this;
    onChange(
      { pipeline, kind: built.kind, generation, state, before, sessions: facts?.users.size ?? 0, failure },
      built,
    );
  }
}
