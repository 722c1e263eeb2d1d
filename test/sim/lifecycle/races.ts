// The race search: a small tree of owners, a handful of actors that acquire, register, spawn, open children and close
// at moments the scheduler chooses, and a ledger that knows what must hold whatever the order was.
import fc from 'fast-check';

/** What the search needs of a scope; the real one and the broken toys are wrapped in it. */
export interface Owner {
  readonly state: string;
  acquire(name: string, open: () => Promise<string>, release: () => Promise<void>): Promise<unknown>;
  defer(name: string, release: () => Promise<void>): { release(): Promise<unknown> };
  spawn(name: string, work: (signal: AbortSignal) => Promise<void>): unknown;
  child(name: string): Owner;
  close(): Promise<unknown>;
}

export interface Tree {
  readonly root: Owner;
  /** What is wrong once everything is over and closed: things left in the tree, timers. */
  leftovers(): readonly string[];
}

type Action =
  | { readonly kind: 'acquire'; readonly owner: number; readonly steps: number; readonly fails: boolean }
  | { readonly kind: 'defer'; readonly owner: number; readonly steps: number; readonly early: boolean }
  | { readonly kind: 'use'; readonly owner: number; readonly steps: number }
  | { readonly kind: 'child'; readonly owner: number; readonly steps: number }
  | { readonly kind: 'close'; readonly owner: number };

const owner = fc.nat({ max: 3 });
const steps = fc.integer({ min: 0, max: 2 });
const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('acquire' as const), owner, steps, fails: fc.boolean() }),
    fc.record({ kind: fc.constant('defer' as const), owner, steps, early: fc.boolean() }),
    fc.record({ kind: fc.constant('use' as const), owner, steps }),
    fc.record({ kind: fc.constant('child' as const), owner, steps }),
    fc.record({ kind: fc.constant('close' as const), owner }),
  ),
  { minLength: 1, maxLength: 7 },
);

interface Thing {
  readonly name: string;
  /** The owner it was registered with and those above it, as far as they were not closed by then. */
  readonly owedBy: ReadonlySet<Owner>;
  released: number;
}

/** Counts how often each rare branch was reached: a search that never got there proves nothing. */
export type Reached = Map<string, number>;

class Race {
  readonly problems: string[] = [];
  readonly #schedule: (label: string) => Promise<void>;
  readonly #things: Thing[] = [];
  readonly #owners: Owner[];
  readonly #above: Map<Owner, readonly Owner[]>;
  readonly #reached: Reached;

  constructor(root: Owner, schedule: (label: string) => Promise<void>, reached: Reached) {
    this.#schedule = schedule;
    this.#reached = reached;
    const left = root.child('left');
    const leaf = left.child('leaf');
    const right = root.child('right');
    this.#owners = [root, left, right, leaf];
    this.#above = new Map([
      [root, [root]],
      [left, [left, root]],
      [right, [right, root]],
      [leaf, [leaf, left, root]],
    ]);
  }

  async run(index: number, action: Action): Promise<void> {
    await this.#schedule(`${index} ${action.kind}`);
    const owner = this.#owners[action.owner] as Owner;
    this.#reach(`${action.kind} while ${owner.state}`);
    try {
      await this.#act(`${action.kind} ${index}`, owner, action);
    } catch (error) {
      const code = (error as { code?: string }).code ?? (error as Error).message;
      if (code !== 'scope_closed' && code !== 'open failed') this.problems.push(`${index}: ${error}`);
    }
  }

  /** Closes, and looks at the very moment of its resolving whether everything it owed was done. */
  async close(owner: Owner): Promise<void> {
    if (owner.state === 'closing') this.#reach('close of a closing owner');
    await owner.close();
    for (const { name, owedBy, released } of this.#things)
      if (owedBy.has(owner) && released === 0)
        this.problems.push(`${name} not released when its close resolved`);
  }

  /** After the last close: everything that was ever opened has been released once. */
  finish(): void {
    for (const { name, released } of this.#things)
      if (released !== 1) this.problems.push(`${name} released ${released} times`);
  }

  async #act(name: string, owner: Owner, action: Action): Promise<void> {
    switch (action.kind) {
      case 'acquire':
        return void (await owner.acquire(name, ...this.#opening(name, owner, action.steps, action.fails)));
      case 'defer': {
        const thing = this.#enter(name, owner);
        const registration = owner.defer(name, () => this.#release(thing, action.steps));
        if (!action.early) return;
        await this.#schedule(`${name} early`);
        await registration.release();
        return;
      }
      case 'use':
        return this.#use(name, owner, action.steps);
      case 'child': {
        const child = owner.child(name);
        this.#above.set(child, [child, ...(this.#above.get(owner) ?? [])]);
        const thing = this.#enter(`${name} inside`, child);
        child.defer(thing.name, () => this.#release(thing, action.steps));
        await this.#schedule(`${name} closes`);
        return this.close(child);
      }
      case 'close':
        return this.close(owner);
    }
  }

  /** Acquires something and has a task use it, step by step, until its signal aborts. */
  async #use(name: string, owner: Owner, steps: number): Promise<void> {
    const [open, release] = this.#opening(name, owner, steps, false);
    const thing = (await owner.acquire(name, open, release)) as string;
    owner.spawn(`${name} task`, async (signal) => {
      for (let step = 0; step < 3 && !signal.aborted; step += 1) {
        await this.#schedule(`${name} use ${step}`);
        if (this.#things.some((each) => each.name === thing && each.released > 0))
          this.problems.push(`${name} used after its release`);
      }
      if (signal.aborted) this.#reach('task aborted');
    });
  }

  #opening(
    name: string,
    owner: Owner,
    steps: number,
    fails: boolean,
  ): [() => Promise<string>, () => Promise<void>] {
    let thing: Thing | undefined;
    // Owed from the moment of asking: a close must wait for what is being opened.
    const owedBy = this.#open(owner);
    const open = async () => {
      for (let step = 0; step <= steps; step += 1) await this.#schedule(`${name} open ${step}`);
      if (fails) throw new Error('open failed');
      if (owner.state !== 'open') this.#reach('open succeeds late');
      thing = this.#enter(name, owner, owedBy);
      return name;
    };
    return [open, async () => thing && this.#release(thing, steps)];
  }

  #enter(name: string, owner: Owner, owedBy = this.#open(owner)): Thing {
    const thing: Thing = { name, owedBy, released: 0 };
    this.#things.push(thing);
    return thing;
  }

  #open(owner: Owner): ReadonlySet<Owner> {
    return new Set((this.#above.get(owner) ?? []).filter(({ state }) => state !== 'closed'));
  }

  async #release(thing: Thing, steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) await this.#schedule(`${thing.name} release ${step}`);
    thing.released += 1;
  }

  #reach(branch: string): void {
    this.#reached.set(branch, (this.#reached.get(branch) ?? 0) + 1);
  }
}

/** The property. `plant` makes a tree; what is wrong with one interleaving is thrown. */
export const noRaceLosesAnything = (plant: () => Tree, reached: Reached = new Map()) =>
  fc.asyncProperty(fc.scheduler(), actions, async (scheduler, todo) => {
    const { root, leftovers } = plant();
    const race = new Race(root, (label) => scheduler.schedule(Promise.resolve(), label), reached);
    const acting = todo.map((action, index) => race.run(index, action));
    await scheduler.waitFor(Promise.all(acting));
    await scheduler.waitFor(race.close(root));
    await scheduler.waitIdle();
    race.finish();
    const problems = [...race.problems, ...leftovers()];
    if (problems.length > 0) throw new Error(problems.join('; '));
  });
