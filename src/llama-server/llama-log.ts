// What llama.cpp writes: goes to standard error, a line each; the first error is kept, since what it throws says no more
// than that it failed.
import { type Clock, delay } from '../lifecycle/clock.ts';

/** Words of its own functions, and of what everybody knows by then, before what it has to say. */
const prefixes = /^(?:[a-z_][\w:]*: )?(?:error loading model: )?/;
/** Says nothing that its throwing does not. */
const hollow = /^(?:failed to load model|error loading model)?\.?$/i;
/** It speaks in a thread of its own: what it says of a failure may come a moment after the failure. */
const lateMs = 200;
const lookMs = 5;

export class LlamaLog {
  readonly #write: (line: string) => void;
  #firstError: string | undefined;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** The first thing that went wrong, in llama.cpp's own words; undefined when it says nothing of it. */
  async whyFailed(clock: Clock): Promise<string | undefined> {
    const untilMs = clock.now() + lateMs;
    while (this.#firstError === undefined && clock.now() < untilMs) await delay(clock, lookMs);
    return this.#firstError;
  }

  readonly take = (level: string, message: string): void => {
    for (const line of message.split('\n').filter((one) => one.trim() !== '')) {
      this.#write(`llama.cpp ${level}: ${line}`);
      if (level === 'error' || level === 'fatal') this.#firstError ??= reasonIn(line);
    }
  };
}

function reasonIn(line: string): string | undefined {
  const reason = line.replace(prefixes, '').trim();
  return hollow.test(reason) ? undefined : reason;
}
