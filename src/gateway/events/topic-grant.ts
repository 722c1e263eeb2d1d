// What a token grants of events: patterns that it may watch, and patterns that it may publish on.
import type { IncomingMessage } from 'node:http';
import { covers, isReserved, matches } from '../../hub/topic.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Access } from '../access.ts';

export class TopicGrant {
  readonly #watch: readonly string[];
  readonly #publish: readonly string[];

  constructor({
    watch,
    publish,
  }: { readonly watch: readonly string[]; readonly publish: readonly string[] }) {
    this.#watch = watch;
    this.#publish = publish;
  }

  static of(access: Access, request: IncomingMessage): TopicGrant {
    return new TopicGrant(access.topicGrant(request));
  }

  /** Everything that others publish and that it may watch. */
  get everything(): readonly string[] {
    return this.#watch.filter((pattern) => !isReserved(pattern));
  }

  /** Null when it may watch all of these. */
  mayWatch(patterns: readonly string[]): GreenroomError | null {
    const other = patterns.find((pattern) => !this.#watch.some((granted) => covers(granted, pattern)));
    if (other === undefined) return null;
    return isReserved(other) ? ownTopic(other) : notAllowed(other, 'watch', this.#watch);
  }

  /** Null when it may publish on this. */
  mayPublish(topic: string): GreenroomError | null {
    if (isReserved(topic)) {
      const message = `${topic} is of the gateway itself: nobody else publishes on it`;
      return new GreenroomError('topic_reserved', message);
    }
    if (this.#publish.some((granted) => matches(granted, topic))) return null;
    return notAllowed(topic, 'publish on', this.#publish);
  }
}

function ownTopic(topic: string): GreenroomError {
  const message = `${topic} is of the gateway itself: administrators watch it, with a token of auth.admin`;
  return new GreenroomError('topic_not_allowed', message);
}

function notAllowed(topic: string, what: string, granted: readonly string[]): GreenroomError {
  const may = granted.length > 0 ? `it may ${what} ${granted.join(', ')}` : `it may ${what} none`;
  const next = 'grant it with auth.tokens: [{token, watch, publish}]';
  return new GreenroomError('topic_not_allowed', `this token may not ${what} ${topic}; ${may}; ${next}`);
}
