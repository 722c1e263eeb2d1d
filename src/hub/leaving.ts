// The end of a hub: every watcher is told, as many in a turn of the loop as others can wait for, and asked to come back at
// different times.
import { type Clock, delay, turn } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import type { Subscriber } from './subscriber.ts';

export interface LeaveOptions {
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

/** For how long watchers are told in one turn of the loop: all of them hear it before the first ones' answers are looked at. */
const turnMs = 25;
/** Nobody comes back sooner; then a thousand of them a second. */
const retryMsMin = 1000;
const retryMsEach = 1;
/** Of the time there is: then whoever has not answered its close is ended; and then nobody is told any more. */
const answerShare = 0.8;
const tellShare = 0.95;
const lookEveryMs = 10;

export async function leaveAll(
  subscribers: ReadonlySet<Subscriber>,
  { deadline, clock, random }: LeaveOptions,
): Promise<{ readonly watchers: number; readonly terminated: number }> {
  const watchers = subscribers.size;
  const spreadMs = watchers * retryMsEach;
  const leftMs = deadline.remainingMs();
  const [untilMs, toldMs] = [clock.now() + leftMs * answerShare, clock.now() + leftMs * tellShare];
  let turnedMs = clock.now();
  for (const subscriber of [...subscribers]) {
    const nowMs = clock.now();
    // On a machine that is too busy for all of them, those who are left learn it from their connection.
    if (nowMs >= toldMs) break;
    if (nowMs - turnedMs > turnMs) {
      await turn(clock);
      turnedMs = clock.now();
    }
    subscriber.leave(1001, 'the gateway is leaving', Math.round(retryMsMin + random() * spreadMs));
  }
  while (subscribers.size > 0 && clock.now() < untilMs) await delay(clock, lookEveryMs);
  const stuck = [...subscribers];
  // What is left of them then is ended with all other connections.
  for (const { transport } of stuck) if (clock.now() < toldMs) transport.terminate();
  return { watchers, terminated: stuck.length };
}
