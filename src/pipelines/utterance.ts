// One sentence on its way to be heard: made as fast as its engine can, taken as fast as its caller does, so that it is
// there when the one before has been said. Owned by the scope of its answer.
import { turn } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { OutputChunk } from '../realtime/chunks.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { Channel } from './channel.ts';

export interface UtteranceOptions {
  readonly scope: Scope;
  /** As it is told; its speech may leave blanks at the ends out. */
  readonly text: string;
  readonly part: 'sentence' | 'filler';
  /** PCM16 at the session's rate. */
  readonly speech: (signal: AbortSignal) => AsyncIterable<Int16Array>;
}

/** Made and not taken: longer than sentences are, and a bound for a voice that does not end. */
const aheadSamplesMax = 30 * sessionRateHz;

/** Resampling is work: the others have a turn of the loop this often. */
const holdMsMax = 8;

export class Utterance {
  readonly #options: UtteranceOptions;
  readonly #audio: Channel<Int16Array>;
  readonly #made = Promise.withResolvers<void>();

  /** Begins to be made at once. */
  constructor(options: UtteranceOptions) {
    const { signal } = options.scope;
    this.#options = options;
    this.#audio = new Channel({ signal, sizeOf: (pcm) => pcm.length, sizeMax: aheadSamplesMax });
    if (options.scope.state === 'open')
      options.scope.spawn(`say a ${options.part}`, (abort) => this.#make(abort));
    else this.#made.resolve();
  }

  /** Its engine has nothing more to do with it. Never rejects. */
  get made(): Promise<void> {
    return this.#made.promise;
  }

  /** Its text goes out with the first of its audio: the transcript never says more than was spoken. */
  async *chunks(): AsyncGenerator<OutputChunk> {
    const { text, part } = this.#options;
    let told: 'nothing' | 'text' = 'nothing';
    for await (const pcm of this.#audio) {
      if (told === 'nothing') yield { type: 'text', text, part };
      told = 'text';
      yield { type: 'audio', pcm };
    }
    if (told === 'text' && !this.#options.scope.signal.aborted) yield { type: 'said' };
  }

  async #make(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.scope;
    let turnMs = clock.now();
    try {
      for await (const pcm of this.#options.speech(signal)) {
        await this.#audio.put(pcm);
        if (clock.now() - turnMs <= holdMsMax) continue;
        await turn(clock);
        turnMs = clock.now();
      }
      this.#audio.end();
    } catch (error) {
      this.#audio.fail(error);
    } finally {
      this.#made.resolve();
    }
  }
}
