// The topics there are, each with its newest event, and the newest event of each key. Both are bounded: whoever was
// published least recently goes first, is counted, and leaves the number of its newest event behind, so that nobody is
// ever told "nothing was missed" about a topic that was forgotten.
import type { Interest } from './interest.ts';
import type { StoredEvent } from './ring.ts';
import { isReserved } from './topic.ts';

export class Topic {
  readonly name: string;
  /** As JSON. */
  readonly quoted: string;
  readonly tokens: readonly string[];
  /** The gateway's own. */
  readonly reserved: boolean;
  latest: StoredEvent | undefined;
  /** Its newest event without a key; 0: none. */
  keylessSeq = 0;
  /** Its newest event that the ring has lost; 0: none. */
  lostSeq = 0;

  constructor(name: string) {
    this.name = name;
    this.quoted = JSON.stringify(name);
    this.tokens = name.split('.');
    this.reserved = isReserved(name);
  }
}

export interface TopicLimits {
  readonly topics: number;
  readonly keys: number;
  /** Of the newest events of all topics. */
  readonly bytes: number;
}

export class Topics {
  readonly #limits: TopicLimits;
  /** Least recently published first. */
  readonly #topics = new Map<string, Topic>();
  readonly #keys = new Map<string, number>();
  #bytes = 0;
  #forgottenSeq = 0;
  #forgotten = { topics: 0, keys: 0 };

  constructor(limits: TopicLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#topics.size;
  }

  /** How many went to make room, since the start. */
  get forgotten(): { readonly topics: number; readonly keys: number } {
    return this.#forgotten;
  }

  /** The topic with this name, made when it is new; the most recent one from now on. */
  use(name: string): Topic {
    const topic = this.#topics.get(name) ?? new Topic(name);
    this.#topics.delete(name);
    this.#topics.set(name, topic);
    return topic;
  }

  /** An event was published on a topic that was just used. */
  published(event: StoredEvent): void {
    const { topic, key } = event;
    this.#bytes += event.frame.length - (topic.latest?.frame.length ?? 0);
    topic.latest = event;
    while (
      this.#topics.size > this.#limits.topics ||
      (this.#bytes > this.#limits.bytes && this.#topics.size > 1)
    )
      this.#forgetTopic();
    if (key === null) {
      topic.keylessSeq = event.seq;
      return;
    }
    const name = keyName(event);
    this.#keys.delete(name);
    this.#keys.set(name, event.seq);
    const [oldest] = this.#keys.size > this.#limits.keys ? this.#keys.keys() : [];
    if (oldest === undefined) return;
    this.#keys.delete(oldest);
    this.#forgotten.keys += 1;
  }

  /** Whether no later one has its key. True too where nobody can tell any more: then it is better sent than not. */
  isNewest(event: StoredEvent): boolean {
    const newest = event.key === null ? event.topic.keylessSeq : this.#keys.get(keyName(event));
    return (newest ?? event.seq) <= event.seq;
  }

  /** The newest event of each topic that is wanted, oldest first. */
  latest(interest: Interest): readonly StoredEvent[] {
    const found: StoredEvent[] = [];
    for (const topic of this.#topics.values())
      if (topic.latest && interest.wants(topic)) found.push(topic.latest);
    return found.sort((a, b) => a.seq - b.seq);
  }

  /** The newest event among those that are wanted and lost; 0: none was. */
  lostSeq(interest: Interest): number {
    let lost = this.#forgottenSeq;
    for (const topic of this.#topics.values())
      if (topic.lostSeq > lost && interest.wants(topic)) lost = topic.lostSeq;
    return lost;
  }

  #forgetTopic(): void {
    const [topic] = this.#topics.values();
    if (!topic) return;
    this.#topics.delete(topic.name);
    this.#bytes -= topic.latest?.frame.length ?? 0;
    this.#forgottenSeq = Math.max(this.#forgottenSeq, topic.latest?.seq ?? 0);
    this.#forgotten.topics += 1;
  }
}

/** Unlike for any two: a topic has no control characters. */
const keyName = ({ topic, key }: StoredEvent): string => `${topic.name}\n${key}`;
