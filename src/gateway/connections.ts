// The door's connections, and whom of them we owe something: an answer to what was asked, or a moment to ask it for
// those who have only just come. Who opens one closes it by `terminate`, or the peer does.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, turn } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';

interface Connection {
  readonly sinceMs: number;
  answersOwed: number;
}

/** A connection brings its first request in this time, or is one that somebody keeps for later. */
const newcomerMs = 100;

export class Connections {
  readonly #clock: Clock;
  readonly #open = new Map<Socket, Connection>();
  /** Who has asked nothing yet, the oldest first. */
  readonly #silent = new Set<Socket>();
  #changed = Promise.withResolvers<void>();
  /** Ever. */
  accepted = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#open.size;
  }

  add(socket: Socket): void {
    this.accepted += 1;
    this.#open.set(socket, { sinceMs: this.#clock.now(), answersOwed: 0 });
    this.#silent.add(socket);
    socket.on('close', () => {
      this.#open.delete(socket);
      this.#silent.delete(socket);
      this.#change();
    });
  }

  /** A request has been read: over a response, until that has ended, or an upgrade. */
  heard(socket: Socket, response?: ServerResponse): void {
    const connection = this.#open.get(socket);
    if (!connection) return;
    this.#silent.delete(socket);
    if (response) {
      connection.answersOwed += 1;
      response.once('close', () => {
        connection.answersOwed -= 1;
        this.#change();
      });
    }
    this.#change();
  }

  /** Who has been silent for the longest; undefined when everybody has asked something. */
  get mostSilent(): Socket | undefined {
    return this.#silent.values().next().value;
  }

  /** Resolves when nobody is owed anything, or at the deadline. */
  async quiet(deadline: Deadline): Promise<void> {
    for (;;) {
      // What has arrived is read first.
      await turn(this.#clock);
      const owedMs = this.#owedMs();
      if (owedMs === 0 || deadline.expired) return;
      const wait = deadline.child(owedMs);
      await wait.wait(this.#changed.promise);
      wait.dispose();
    }
  }

  /** Returns how many. */
  terminate(): number {
    const { size } = this.#open;
    for (const socket of this.#open.keys()) socket.destroy();
    return size;
  }

  /** Resolves when all there are now have closed. */
  async gone(): Promise<void> {
    await Promise.all(
      [...this.#open.keys()].map((socket) => new Promise((end) => socket.once('close', end))),
    );
  }

  /** For how long somebody is still owed something, as far as time can tell. */
  #owedMs(): number {
    const nowMs = this.#clock.now();
    let owedMs = 0;
    for (const [socket, { answersOwed, sinceMs }] of this.#open) {
      if (answersOwed > 0) return Number.POSITIVE_INFINITY;
      if (this.#silent.has(socket)) owedMs = Math.max(owedMs, sinceMs + newcomerMs - nowMs);
    }
    return owedMs;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
