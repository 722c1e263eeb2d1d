// What a watcher asked for: patterns, and which topics they mean. Immutable; watchers that ask for the same share one.

import { GreenroomError } from '../lifecycle/errors.ts';
import { checkPattern, isReserved, matches } from './topic.ts';
import type { Topic } from './topics.ts';

/** Of one watcher. */
export const patternsMax = 256;

export class Interest {
  /** Sorted, each once. */
  readonly patterns: readonly string[];
  /** Equal for equal interests. */
  readonly key: string;
  /** Every topic of its ring. */
  readonly everything: boolean;
  readonly #wanted = new WeakMap<Topic, boolean>();

  private constructor(patterns: readonly string[]) {
    this.patterns = patterns;
    this.key = patterns.join(',');
    this.everything = patterns.includes('>') || patterns.includes('greenroom.>');
  }

  /** Throws `invalid_topic`, `mixed_topics`. */
  static of(patterns: Iterable<string>): Interest {
    const checked = [...new Set(patterns)].map(checkPattern).sort();
    if (checked.length > patternsMax) {
      const message = `one watcher asks for ${patternsMax} patterns at most, and this one for ${checked.length}; use wildcards`;
      throw new GreenroomError('invalid_request', message, { details: { max: patternsMax } });
    }
    const own = checked.filter(isReserved);
    if (own.length > 0 && own.length < checked.length) {
      const message = `${own[0]} is of the gateway itself, ${checked.find((pattern) => !isReserved(pattern))} is not: open a connection for each`;
      throw new GreenroomError('mixed_topics', message);
    }
    return new Interest(checked);
  }

  /** Whether it is in the gateway's own topics. */
  get reserved(): boolean {
    return this.patterns.length > 0 && this.patterns.every(isReserved);
  }

  wants(topic: Topic): boolean {
    if (this.everything) return true;
    const known = this.#wanted.get(topic);
    if (known !== undefined) return known;
    const wanted = this.patterns.some((pattern) => matches(pattern, topic.name));
    this.#wanted.set(topic, wanted);
    return wanted;
  }
}
