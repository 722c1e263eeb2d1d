// How much is kept: what is too old goes, and the oldest of what is too much. Pure.
import type { TakeFacts } from './facts.ts';

export interface RecordingLimits {
  /** After its end. */
  readonly keepMs: number;
  readonly countMax: number;
  readonly bytesMax: number;
}

type Kept = Pick<TakeFacts, 'id' | 'state' | 'startedAtMs' | 'endedAtMs' | 'bytes'>;

/** Ids, the oldest first. What is being recorded counts, and stays. */
export function tooMany(
  takes: readonly Kept[],
  { keepMs, countMax, bytesMax }: RecordingLimits,
  nowMs: number,
): readonly string[] {
  const underWay = takes.filter(({ state }) => state === 'recording');
  let count = underWay.length;
  let bytes = underWay.reduce((sum, take) => sum + take.bytes, 0);
  const ended = takes
    .filter(({ state }) => state !== 'recording')
    .toSorted((one, other) => endOf(other) - endOf(one));
  const surplus: string[] = [];
  for (const take of ended) {
    count += 1;
    bytes += take.bytes;
    // From the first that does not fit on, so that what is kept is the newest, without holes.
    if (surplus.length > 0 || count > countMax || bytes > bytesMax || nowMs - endOf(take) > keepMs)
      surplus.push(take.id);
  }
  return surplus.reverse();
}

const endOf = ({ endedAtMs, startedAtMs }: Kept): number => endedAtMs ?? startedAtMs;
