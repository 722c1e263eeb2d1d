// The machines that the page knows: they outlive it, and what happened meanwhile is told when somebody comes back.
import { signal } from '@preact/signals';
import { Watch } from '../live/watch.ts';
import { Machines } from './machine.ts';

export const machines = new Machines();
/** Counts the frames in which a machine changed. */
export const machinesFrame = signal(0);

export const machinesWatch = new Watch({
  topics: [],
  back: 20_000,
  told(batch) {
    if (machines.push(batch) > 0) machinesFrame.value += 1;
  },
});
