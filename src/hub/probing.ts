// Whether a watcher takes what the kernel says is sent: while data flows it is asked about once a second, and from time
// to time without. An answer says that all before it has come. One question at a time, but in a replay: the kernel
// holds more of that than a slow line brings in the time for an answer, so it is asked within it, and each answer counts.
import type { Clock } from '../lifecycle/clock.ts';
import { formatEventId } from '../wire/hub.ts';
import type { FairClock } from './fair-clock.ts';
import type { Ring } from './ring.ts';
import type { SlowReason } from './slowness.ts';
import type { Transport } from './transport.ts';

export interface ProbingOptions {
  readonly clock: Clock;
  readonly fair: FairClock;
  readonly ring: Ring;
  /** Not more often than this while data flows. */
  readonly probeEveryMs: () => number;
  readonly limits: { readonly keepaliveMs: number };
  /** 0 to 1. */
  readonly random: () => number;
  /** Asks in band, with the last id that was given: the answer has the last id that was processed. Default: a ping. */
  readonly ask?: (id: string) => void;
}

/** Without any sign for so many keepalives, whatever the policy, it is gone. */
const deadAfter = 3;
/** Of a replay, from one question to the next: twice as much when so many wait for an answer, and so on. */
const stretchBytes = 128 * 1024;
const stretchEach = 8;
/** Questions that wait; `ws` gives a connection up when it cannot send 60 answers. */
const waitingMax = 32;

interface Question {
  readonly probe: string;
  readonly fairMs: number;
  readonly atMs: number;
}

export class Probing {
  readonly #transport: Transport;
  readonly #options: ProbingOptions;
  /** Not answered, the oldest one first. */
  #unanswered: readonly Question[] = [];
  #stretchBytes = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #given: 'nothing' | 'something' = 'nothing';
  #keepaliveMs: number;
  /** When it was last heard, when it last answered a question or was excused, and when the kernel last took everything. */
  #answeredFairMs: number;
  #nearerFairMs = Number.NEGATIVE_INFINITY;
  #tookFairMs: number;
  /** The last event that it said it has processed. */
  #processed: number;
  rttMs: number | null = null;

  /** @param at the last event that it has */
  constructor(transport: Transport, at: number, options: ProbingOptions) {
    const { clock, fair, limits, random } = options;
    this.#transport = transport;
    this.#options = options;
    // Spread, so that a crowd that came at once is not asked at once.
    this.#keepaliveMs = clock.now() + limits.keepaliveMs * (0.5 + random() / 2);
    this.#answeredFairMs = fair.now();
    this.#tookFairMs = this.#answeredFairMs;
    this.#processed = at;
  }

  /** Of the oldest question that waits for its answer, or since the answer to one before it, in fair ms; 0: none does. */
  get silentMs(): number {
    const [oldest] = this.#unanswered;
    return oldest ? this.#options.fair.now() - Math.max(oldest.fairMs, this.#nearerFairMs) : 0;
  }

  /** It has shown nothing for so long that nobody can be there. */
  dead(reason: SlowReason): boolean {
    const { fair, limits } = this.#options;
    const sign = reason === 'silent' ? this.#answeredFairMs : this.#tookFairMs;
    return fair.now() - sign > deadAfter * limits.keepaliveMs;
  }

  /** The kernel has everything, in fair ms. */
  took(fairMs: number): void {
    this.#tookFairMs = fairMs;
  }

  gave(): void {
    this.#given = 'something';
  }

  /**
   * A part of a replay was given.
   *
   * @param at the last event that it was given
   */
  replayed(at: number, bytes: number): void {
    const waiting = this.#unanswered.length;
    this.#stretchBytes += bytes;
    if (this.#stretchBytes < stretchBytes * (1 + waiting / stretchEach)) return;
    if (waiting < waitingMax && !this.#transport.full && this.#asks) this.#ask(at, this.#options.clock.now());
  }

  /** @param at the last event that it was given */
  sweep(at: number): void {
    const { clock, limits, probeEveryMs } = this.#options;
    // What is behind more than it can take proves nothing, and the age of that is looked at already.
    if (this.#transport.full) return;
    const nowMs = clock.now();
    const due = nowMs >= this.#keepaliveMs;
    if (due) this.#keepaliveMs = nowMs + limits.keepaliveMs;
    if (!this.#asks) return due ? this.#transport.keepalive() : undefined;
    if (
      this.#unanswered.length > 0 ||
      !(due || (this.#given === 'something' && nowMs - this.#askedMs >= probeEveryMs()))
    )
      return;
    this.#ask(at, nowMs);
  }

  /** Returns the round trip, ms; undefined when that was not asked. */
  answered(probe: string): number | undefined {
    const { clock, fair } = this.#options;
    this.#answeredFairMs = fair.now();
    // Of several only the last one need be answered.
    const at = this.#unanswered.findLastIndex((question) => question.probe === probe);
    const asked = this.#unanswered[at];
    if (!asked) return undefined;
    this.#unanswered = this.#unanswered.slice(at + 1);
    this.#nearerFairMs = this.#answeredFairMs;
    this.rttMs = clock.now() - asked.atMs;
    return this.rttMs;
  }

  /**
   * In band. Whatever it has processed: what was given before the question has come. It may have been asked at an event
   * that was not for it, or work on what it got long ago. `news`: it has processed more than it has said before.
   */
  processed(seq: number): { readonly rttMs: number | undefined; readonly news: boolean } {
    const news = seq > this.#processed;
    if (news) this.#processed = seq;
    return { rttMs: this.answered(this.#unanswered[0]?.probe ?? ''), news };
  }

  /** It is not held to the time until now. */
  excuse(): void {
    this.#nearerFairMs = this.#options.fair.now();
  }

  get #asks(): boolean {
    return this.#options.ask !== undefined || this.#transport.answers;
  }

  #ask(at: number, nowMs: number): void {
    const { fair, ring, ask } = this.#options;
    const probe = String(at);
    this.#unanswered = [...this.#unanswered, { probe, fairMs: fair.now(), atMs: nowMs }];
    this.#stretchBytes = 0;
    this.#askedMs = nowMs;
    this.#given = 'nothing';
    if (ask) ask(formatEventId(ring.epoch, at));
    else this.#transport.probe(probe);
  }
}
