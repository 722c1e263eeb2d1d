// The log of a gateway before its file is open: keeps what is said, and says it again once there is somewhere to.
import type { Log } from './log.ts';

const linesMax = 1000;

type Line = readonly [as: keyof Log, facts: object, message: string];

export class EarlyLog implements Log {
  #target: Log | undefined;
  #early: Line[] = [];

  /** Everything goes there from now on, beginning with what was kept. */
  attach(target: Log): void {
    this.#target = target;
    for (const [as, facts, message] of this.#early) target[as](facts, message);
    this.#early = [];
  }

  debug(facts: object, message: string): void {
    this.#say('debug', facts, message);
  }

  info(facts: object, message: string): void {
    this.#say('info', facts, message);
  }

  warn(facts: object, message: string): void {
    this.#say('warn', facts, message);
  }

  error(facts: object, message: string): void {
    this.#say('error', facts, message);
  }

  #say(as: keyof Log, facts: object, message: string): void {
    if (this.#target) this.#target[as](facts, message);
    else if (this.#early.length < linesMax) this.#early.push([as, facts, message]);
  }
}
