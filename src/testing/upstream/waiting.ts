// Waits for something that comes of what happens: looks again whenever it is told that something has.
import { systemClock } from '../../lifecycle/clock.ts';
import { Deadline } from '../../lifecycle/deadline.ts';

const waitMsMax = 5000;

export class Waiting {
  #happened = Promise.withResolvers<void>();

  happened(): void {
    this.#happened.resolve();
    this.#happened = Promise.withResolvers();
  }

  /** The first that `look` finds. Rejects after 5 s with what was waited for. */
  async for<Found>(look: () => Found | undefined, what: () => string): Promise<Found> {
    const deadline = new Deadline(systemClock, waitMsMax);
    try {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        const waited = await deadline.wait(this.#happened.promise);
        if (waited.state === 'expired') throw new Error(`${what()}: not within ${waitMsMax} ms`);
      }
    } finally {
      deadline.dispose();
    }
  }
}
