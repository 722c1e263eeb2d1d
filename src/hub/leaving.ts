// The end of a hub: every watcher is told, in small crowds, and asked to come back at different times.
import { type Clock, delay, turn } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import type { Subscriber } from './subscriber.ts';

export interface LeaveOptions {
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

/** Told in one turn of the loop. */
const crowd = 250;
/** Nobody comes back sooner; then a thousand of them a second. */
const retryMsMin = 1000;
const retryMsEach = 1;
/** Of the time there is: then whoever has not answered its close is ended. */
const answerShare = 0.8;
const lookEveryMs = 10;

export async function leaveAll(
  subscribers: ReadonlySet<Subscriber>,
  { deadline, clock, random }: LeaveOptions,
): Promise<{ readonly watchers: number; readonly terminated: number }> {
  const watchers = subscribers.size;
  const spreadMs = watchers * retryMsEach;
  const untilMs = clock.now() + deadline.remainingMs() * answerShare;
  let told = 0;
  for (const subscriber of [...subscribers]) {
    subscriber.leave(1001, 'the gateway is leaving', Math.round(retryMsMin + random() * spreadMs));
    told += 1;
    if (told % crowd === 0) await turn(clock);
  }
  while (subscribers.size > 0 && clock.now() < untilMs) await delay(clock, lookEveryMs);
  const stuck = [...subscribers];
  for (const { transport } of stuck) transport.terminate();
  return { watchers, terminated: stuck.length };
}
