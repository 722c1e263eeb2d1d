// The model of a scope tree in time: a book of what was opened where and what has ended, kept by the commands beside the
// real scopes, and the rules that hold between the two after every command.
import type { CloseReport, TreeNode } from '../../../src/lifecycle/report.ts';
import { type Registration, Scope } from '../../../src/lifecycle/scope.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

/** A scope, as the book has it. */
export interface Page {
  readonly parent: Page | undefined;
  readonly graceMs: number;
  /** When it must be closed at the latest; undefined while nobody has asked. */
  dueMs: number | undefined;
}

/** A thing with a release, something being opened, or a task. It ends when its `end` is called, or never. */
export interface Item {
  readonly name: string;
  readonly page: Page;
  /** `late`: came when its scope was not open any more. */
  readonly came: 'in time' | 'late';
  /** Its release, opening or task has been waited for and has not ended. */
  blocked: boolean;
  over: boolean;
  releases: number;
  releasedEarly: boolean;
  end: () => void;
  registration?: Registration;
}

export interface Book {
  readonly pages: Page[];
  readonly items: Item[];
}

export class World {
  readonly clock = new VirtualClock();
  readonly scopes: Scope[] = [];
  readonly reports = new Map<number, CloseReport>();

  constructor(graceMs: number) {
    this.add(new Scope('root', { clock: this.clock, graceMs }));
  }

  add(scope: Scope): void {
    const index = this.scopes.push(scope) - 1;
    void scope.closed.then((report) => this.reports.set(index, report));
  }
}

export const newBook = (graceMs: number): Book => ({
  pages: [{ parent: undefined, graceMs, dueMs: undefined }],
  items: [],
});

/** Everything that is wrong, in words. */
export function breaches(book: Book, world: World): readonly string[] {
  const found: string[] = [];
  const must = (holds: boolean, what: string) => holds || found.push(what);
  const stateOf = (page: Page) => world.scopes[book.pages.indexOf(page)]?.state;
  const nowMs = world.clock.now();

  for (const page of book.pages) {
    const { path = '' } = world.scopes[book.pages.indexOf(page)] ?? {};
    const state = stateOf(page);
    if (page.dueMs !== undefined) {
      must(state !== 'open', `${path} was closed and is open`);
      must(state === 'closed' || nowMs < page.dueMs, `${path} is not closed at ${nowMs}, due ${page.dueMs}`);
    }
    const below = book.pages.filter(({ parent }) => parent === page);
    if (state === 'closed') {
      for (const child of below) must(stateOf(child) === 'closed', `below ${path} something is not closed`);
    }
  }

  for (const { name, page, releases, releasedEarly, over, blocked, came } of book.items) {
    must(releases <= 1, `${name} released ${releases} times`);
    const state = stateOf(page);
    if (state === 'open' && came === 'in time')
      must(releases === 0 || releasedEarly, `${name} released though its scope is open`);
    if (state === 'closed') must(over || blocked, `${name} was left alone by its closed scope`);
  }

  found.push(...treeBreaches(book, world, stateOf));
  found.push(...reportBreaches(book, world));
  const busy = book.pages.some((page) => stateOf(page) === 'closing');
  const releasing = book.items.some(
    ({ blocked, over, releasedEarly, came }) => blocked && !over && (releasedEarly || came === 'late'),
  );
  must(busy || releasing || world.clock.pending === 0, `${world.clock.pending} timers left`);
  return found;
}

/** What has not ended stands in the tree of the root, once; what has, does not. */
function treeBreaches(book: Book, world: World, stateOf: (page: Page) => string | undefined): string[] {
  const leaves: string[] = [];
  const walk = (node: TreeNode) => {
    if (node.children) for (const child of node.children) walk(child);
    else leaves.push(node.name.split('/').at(-1) ?? '');
  };
  walk((world.scopes[0] as Scope).tree());
  return book.items.flatMap(({ name, over, page }) => {
    const count = leaves.filter((leaf) => leaf === name).length;
    // While its scope closes, a task that has ended may wait for its turn.
    if (over && stateOf(page) === 'closing') return [];
    return count === (over ? 0 : 1)
      ? []
      : [`${name} is ${count} times in the tree, ${over ? 'over' : 'not over'}`];
  });
}

/** What had not ended when a scope said that it was closed is named as overdue in its report. */
function reportBreaches(book: Book, world: World): string[] {
  return [...world.reports].flatMap(([index, report]) => {
    world.reports.delete(index);
    const page = book.pages[index] as Page;
    const named = new Set(report.overdue.map(({ path }) => path.split('/').at(-1)));
    const within = (inner: Page | undefined): boolean =>
      inner !== undefined && (inner === page || within(inner.parent));
    return book.items
      .filter((item) => within(item.page) && !item.over && !named.has(item.name))
      .map(({ name }) => `${name} is not over, and not in the report of ${report.scope}`);
  });
}
