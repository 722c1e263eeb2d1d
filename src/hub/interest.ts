// What a watcher asked for: patterns, and which topics they mean. Immutable; watchers that ask for the same share one.

import { GreenroomError } from '../lifecycle/errors.ts';
import { PatternTree } from './pattern-tree.ts';
import { checkPattern, isReserved } from './topic.ts';
import type { Topic } from './topics.ts';

/** Of one watcher. */
const patternsMax = 256;
/** Of all its patterns with wildcards: each of them may have to be looked at for each event. */
const wildTokensMax = 4096;

export class Interest {
  /** Sorted, each once. */
  readonly patterns: readonly string[];
  /** Equal for equal interests. */
  readonly key: string;
  /** Every topic of its ring. */
  readonly everything: boolean;
  /** Whether it is in the gateway's own topics. */
  readonly reserved: boolean;
  readonly #names: ReadonlySet<string>;
  #wild: PatternTree | undefined;

  private constructor(patterns: readonly string[]) {
    this.patterns = patterns;
    this.key = patterns.join(',');
    this.everything = patterns.includes('>') || patterns.includes('greenroom.>');
    this.reserved = patterns[0] !== undefined && isReserved(patterns[0]);
    this.#names = new Set(patterns.filter((pattern) => !hasWildcard(pattern)));
  }

  /** Throws `invalid_topic`, `mixed_topics`. */
  static of(patterns: Iterable<string>): Interest {
    const checked = [...new Set(patterns)].map(checkPattern).sort();
    if (checked.length > patternsMax) {
      const message = `one watcher asks for ${patternsMax} patterns at most, and this one for ${checked.length}; use wildcards`;
      throw new GreenroomError('invalid_request', message, { details: { max: patternsMax } });
    }
    const wild = checked.filter(hasWildcard).reduce((sum, pattern) => sum + pattern.split('.').length, 0);
    if (wild > wildTokensMax) {
      const message = `the patterns with wildcards of one watcher have ${wildTokensMax} tokens at most, and these have ${wild}; use ">"`;
      throw new GreenroomError('invalid_request', message, { details: { max: wildTokensMax } });
    }
    const own = checked.filter(isReserved);
    if (own.length > 0 && own.length < checked.length) {
      const message = `${own[0]} is of the gateway itself, ${checked.find((pattern) => !isReserved(pattern))} is not: open a connection for each`;
      throw new GreenroomError('mixed_topics', message);
    }
    return new Interest(checked);
  }

  /** Throws as `of`. */
  and(patterns: readonly string[]): Interest {
    return Interest.of([...this.patterns, ...Interest.of(patterns).patterns]);
  }

  /** Exactly these patterns are left out. Throws as `of`. */
  without(patterns: readonly string[]): Interest {
    const gone = Interest.of(patterns).patterns;
    return Interest.of(this.patterns.filter((pattern) => !gone.includes(pattern)));
  }

  wants(topic: Topic): boolean {
    if (this.everything) return true;
    if (this.#names.has(topic.name)) return true;
    if (this.#names.size === this.patterns.length || topic.reserved !== this.reserved) return false;
    this.#wild ??= new PatternTree(this.patterns.filter(hasWildcard));
    return this.#wild.matches(topic.tokens);
  }
}

const hasWildcard = (pattern: string): boolean => pattern.includes('*') || pattern.includes('>');
