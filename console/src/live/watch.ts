// What programs publish, as it comes: told in batches, once a frame, with what is missing in its place. It comes back by
// itself, from the last event that it had, also after a pause: nothing is lost unsaid. Whoever starts it closes it.
//
//     off ──start──▶ connecting ──welcome──▶ live ──lost──▶ connecting;   live ──pause──▶ paused ──start──▶ connecting
import { signal } from '@preact/signals';
import { events, type GapFacts, GreenroomError, type HubStream } from '../../../src/client/index.ts';
import { tryNow } from './gateway.ts';
import { historyStart } from './history.ts';

export interface SeenEvent {
  readonly kind: 'event';
  readonly id: string;
  readonly topic: string;
  readonly ts: number;
  readonly data: unknown;
  /** The whole message, as it came. */
  readonly raw: string;
}

export type Seen = SeenEvent | { readonly kind: 'gap'; readonly gap: GapFacts };

type WatchState = 'off' | 'connecting' | 'live' | 'paused' | 'refused';

export interface WatchOptions {
  /** None: all that we may. */
  readonly topics: readonly string[];
  /** How many events of before are wanted, as far as the gateway has them. */
  readonly back: number;
  readonly told: (batch: readonly Seen[]) => void;
}

const againMs = 500;
/** A page that nobody looks at has no frames: then it is told when so much waits. */
const waitingMax = 2000;

export class Watch {
  readonly state = signal<WatchState>('off');
  /** Why it was refused, in words. */
  readonly reason = signal('');
  readonly #options: WatchOptions;
  #topics: readonly string[];
  #stream: HubStream | undefined;
  #lastId: string | undefined;
  #waiting: Seen[] = [];
  #frame = 0;
  /** Counts the starts: what belongs to an earlier one ends. */
  #turn = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#topics = options.topics;
  }

  get topics(): readonly string[] {
    return this.#topics;
  }

  /** From where it was, else from some events before now. */
  start(): void {
    this.#turn += 1;
    void this.#follow(this.#turn);
  }

  /** Nothing is read; the gateway keeps what comes, as long as it does. */
  pause(): void {
    this.#stop('paused');
  }

  close(): void {
    this.#stop('off');
  }

  /** Others from now on. */
  choose(topics: readonly string[]): void {
    this.#topics = topics;
    this.#lastId = undefined;
    this.#stop('off');
    this.start();
  }

  #stop(state: 'paused' | 'off'): void {
    this.#turn += 1;
    void this.#stream?.close();
    this.#stream = undefined;
    this.#tell();
    this.state.value = state;
  }

  async #follow(turn: number): Promise<void> {
    while (turn === this.#turn) {
      this.state.value = 'connecting';
      try {
        this.#lastId ??= await historyStart(this.#topics, this.#options.back);
        if (turn === this.#turn) await this.#read(turn);
      } catch (thrown) {
        if (turn === this.#turn && isRefusal(thrown)) {
          this.reason.value = thrown.message;
          this.state.value = 'refused';
          if (thrown.code === 'unauthorized') tryNow();
          return;
        }
      }
      if (turn === this.#turn) await after(againMs);
    }
  }

  async #read(turn: number): Promise<void> {
    const { topics } = this;
    const since = this.#lastId === undefined ? {} : { since: this.#lastId };
    const stream = events(location.origin, {
      ...{ reconnect: false, ...since },
      ...(topics.length > 0 && { topics }),
    });
    this.#stream = stream;
    stream.on('welcome', () => {
      if (turn === this.#turn) this.state.value = 'live';
    });
    stream.on('gap', (gap) => this.#push({ kind: 'gap', gap }));
    for await (const { id, topic, ts, data, raw } of stream) {
      if (turn !== this.#turn) return;
      this.#lastId = id;
      this.#push({ kind: 'event', id, topic, ts, data, raw });
    }
  }

  #push(seen: Seen): void {
    this.#waiting.push(seen);
    if (this.#waiting.length >= waitingMax && document.visibilityState !== 'visible') this.#tell();
    else this.#frame ||= requestAnimationFrame(() => this.#tell());
  }

  #tell(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length > 0) this.#options.told(batch);
  }
}

const isRefusal = (thrown: unknown): thrown is GreenroomError =>
  thrown instanceof GreenroomError &&
  typeof thrown.details['status'] === 'number' &&
  thrown.details['status'] < 500;

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
