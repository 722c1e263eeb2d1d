// Plays answers through a program of this machine: one run of it for each stretch of speech. Owns that program; closed
// by its command. A program that fails is told once, and nothing is played any more.
import { once } from 'node:events';
import { pcmToBytes } from '../../audio/pcm.ts';
import { type Clock, delay } from '../../lifecycle/clock.ts';
import { messageOf } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Task } from '../../lifecycle/task.ts';
import { addAudio, allWhole, due, type Heard, heard, orphaned, type Tracks } from './playing.ts';
import type { SoundProgram } from './programs.ts';
import { SoundChild } from './sound-child.ts';

export interface SpeakerOptions {
  readonly program: SoundProgram;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly scope: Scope;
  /** It has begun to play, or is silent again. */
  readonly onChange: () => void;
  /** A piece is handed to the player. */
  readonly onPiece: (pcm: Int16Array) => void;
  readonly onTrouble: (words: string) => void;
}

/** A player that does not end after the last sample is ended. */
const drainMs = 1500;

export class Speaker {
  readonly #options: SpeakerOptions;
  #state: 'silent' | 'playing' | 'broken' = 'silent';
  #tracks: Tracks = [];
  #run: { readonly task: Task<void>; readonly child: SoundChild } | undefined;
  #more = Promise.withResolvers<void>();

  constructor(options: SpeakerOptions) {
    this.#options = options;
  }

  get state(): 'silent' | 'playing' | 'broken' {
    return this.#state;
  }

  add(itemId: string, contentIndex: number, pcm: Int16Array): void {
    if (this.#state === 'broken') return;
    this.#tracks = addAudio(this.#tracks, itemId, contentIndex, pcm);
    this.#wake();
    if (this.#state === 'silent') this.#begin();
  }

  /** The answer is complete. */
  whole(): void {
    this.#tracks = allWhole(this.#tracks);
    this.#wake();
  }

  /** The session is over. */
  orphan(): void {
    this.#tracks = orphaned(this.#tracks);
    this.#wake();
  }

  /** At once. @returns what was cut off, and where */
  stop(): readonly Heard[] {
    const cut = heard(this.#tracks, this.#options.clock.now());
    this.#tracks = [];
    const run = this.#run;
    this.#silent();
    // KILL: it holds a moment of sound that nobody wants to hear any more.
    run?.task.abort('done');
    void run?.child.end('now');
    return cut;
  }

  async close(): Promise<void> {
    const run = this.#run;
    this.stop();
    await run?.task.done;
  }

  #begin(): void {
    const { program, env, clock, scope, onChange } = this.#options;
    this.#state = 'playing';
    const child = new SoundChild(program, { does: 'plays', env, clock });
    const task = scope.spawn(`playback ${program.name}`, (signal) => this.#play(child, signal));
    this.#run = { task, child };
    onChange();
  }

  async #play(child: SoundChild, signal: AbortSignal): Promise<void> {
    let state: 'feeding' | 'fed' = 'feeding';
    void child.ended.then((end) => {
      if (state === 'feeding' && end.state !== 'asked') this.#broken(child, end.words);
    });
    const stopped = aborted(signal);
    try {
      while (!signal.aborted && (await this.#feed(child, signal, stopped)) === 'more');
      state = 'fed';
      child.stdin?.end();
      await Promise.race([child.ended, delay(this.#options.clock, drainMs, signal)]);
    } catch (thrown) {
      if (!signal.aborted) this.#broken(child, messageOf(thrown));
    } finally {
      await child.end();
      if (this.#run?.child === child) this.#silent();
      // More came while the player was let go.
      if (!signal.aborted && this.#state === 'silent' && this.#tracks.length > 0) this.#begin();
    }
  }

  async #feed(child: SoundChild, signal: AbortSignal, stopped: Promise<void>): Promise<'more' | 'done'> {
    const { clock, onPiece } = this.#options;
    const step = due(this.#tracks, clock.now());
    this.#tracks = step.tracks;
    if (step.state === 'piece') onPiece(step.pcm);
    if (step.state === 'done' || this.#state === 'broken') return 'done';
    if (step.state === 'later') await delay(clock, step.inMs, signal);
    else if (step.state === 'starved') await Promise.race([this.#more.promise, child.ended, stopped]);
    else if (child.stdin?.write(pcmToBytes(step.pcm)) === false) {
      await Promise.race([once(child.stdin, 'drain', { signal }).catch(() => undefined), child.ended]);
    }
    return 'more';
  }

  #silent(): void {
    this.#run = undefined;
    if (this.#state !== 'playing') return;
    this.#state = 'silent';
    this.#options.onChange();
  }

  #broken(child: SoundChild, words: string): void {
    if (this.#run?.child !== child) return;
    this.#tracks = [];
    this.#state = 'broken';
    this.#wake();
    this.#options.onTrouble(words);
    this.#options.onChange();
  }

  #wake(): void {
    const { resolve } = this.#more;
    this.#more = Promise.withResolvers();
    resolve();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
