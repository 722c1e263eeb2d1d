// Scopes that are wrong on purpose, each in one way that a real library is. The race search must catch every one of
// them, or it could not have caught the same in ours.
import type { Owner, Tree } from './races.ts';

type Release = () => Promise<void>;

/**
 * - `leaks late results`: registers what was opened only after it was opened, as with TC39's AsyncDisposableStack
 * - `second close returns early`: answers the second caller before the first is through, as TC39, Effect, lightship
 * - `releases twice`: does not flip the state before the release runs, as lightship's beacons
 * - `forgets late registrations`: takes what comes while closing, and never looks again
 * - `does not await opens`: closes without waiting for what is being opened, though it releases that later
 * - `leaves late releases to nobody`: runs what comes after it closed, but nobody above awaits that
 */
export const faults = [
  'leaks late results',
  'second close returns early',
  'releases twice',
  'forgets late registrations',
  'does not await opens',
  'leaves late releases to nobody',
] as const;
type Fault = (typeof faults)[number] | 'none';

class Toy implements Owner {
  state = 'open';
  readonly #fault: Fault;
  readonly #parent: Toy | undefined;
  readonly #releases: Release[] = [];
  readonly #late: Promise<unknown>[] = [];
  readonly #controller = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(fault: Fault, parent?: Toy) {
    this.#fault = fault;
    this.#parent = parent;
  }

  async acquire(_name: string, open: () => Promise<string>, release: Release): Promise<unknown> {
    this.#assertOpen();
    if (this.#fault === 'leaks late results') {
      const value = await open();
      this.#assertOpen();
      this.#releases.push(release);
      return value;
    }
    const opening = open();
    if (this.#fault === 'does not await opens') {
      const value = await opening;
      this.defer('', release);
      this.#assertOpen();
      return value;
    }
    this.defer('', () => opening.then(release, () => undefined));
    const value = await opening;
    this.#assertOpen();
    return value;
  }

  defer(_name: string, release: Release): { release: Release } {
    let releasing: Promise<void> | undefined;
    const once =
      this.#fault === 'releases twice' ? release : () => (releasing ??= release()) as Promise<void>;
    if (this.state === 'closed' && this.#parent && this.#fault !== 'leaves late releases to nobody') {
      this.#parent.defer('', once);
    } else this.#releases.push(once);
    if (this.state !== 'open' && this.#fault !== 'forgets late registrations') this.#late.push(once());
    return { release: once };
  }

  spawn(_name: string, work: (signal: AbortSignal) => Promise<void>): void {
    this.#assertOpen();
    const done = work(this.#controller.signal);
    this.defer('', () => done);
  }

  child(): Owner {
    this.#assertOpen();
    const child = new Toy(this.#fault, this);
    this.defer('', () => child.close());
    return child;
  }

  close(): Promise<void> {
    if (this.#closing && this.#fault === 'second close returns early') return Promise.resolve();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.state = 'closing';
    this.#controller.abort();
    const forgets = this.#fault === 'forgets late registrations';
    const entries = forgets ? this.#releases.splice(0) : this.#releases;
    while (entries.length > 0) await entries.pop()?.();
    for (let late = this.#late.pop(); late; late = this.#late.pop()) await late;
    this.state = 'closed';
  }

  #assertOpen(): void {
    if (this.state !== 'open') throw Object.assign(new Error('closed'), { code: 'scope_closed' });
  }
}

export const plantToy = (fault: Fault) => (): Tree => ({ root: new Toy(fault), leftovers: () => [] });
