// The tail of events that the page shows: it outlives the page, and goes on from where it was when somebody comes back.
import { signal } from '@preact/signals';
import { Watch } from '../live/watch.ts';
import { Rates } from './rates.ts';
import { Tail } from './tail.ts';

export const tail = new Tail({ rows: 10_000, characters: 16 * 1024 * 1024 });
export const rates = new Rates();
/** Counts the frames in which something came. */
export const tailFrame = signal(0);
/** Events that went by between two frames, or further down than can be seen. */
export const unseen = signal(0);
/** How many rows can be seen. */
export const rowsSeen = { count: 20 };

const freshMs = 2000;

export const tailWatch = new Watch({
  topics: [],
  back: 200,
  told(batch) {
    const nowMs = Date.now();
    tail.push(batch, nowMs);
    // What was published before is none of what comes now.
    const fresh = batch.filter((seen) => seen.kind === 'event' && nowMs - seen.ts < freshMs).length;
    rates.add(fresh, nowMs);
    unseen.value += Math.max(0, fresh - rowsSeen.count);
    tailFrame.value += 1;
  },
});
