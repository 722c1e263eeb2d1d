// The first thing that runs. `up` opens its door with the few keys that needs, before the command line is parsed and
// anything heavy is imported; every other command has no hurry.
import { earlyListen } from '../config/early.ts';
import { Door } from '../gateway/door.ts';
import { type GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import { type EndSignal, listenForSignals } from '../lifecycle/process-end.ts';
import { earlyOptions } from './early-options.ts';

/** A door that was opened early, or why it could not be; and the signal that came before anybody could act on it. */
export interface EarlyDoor {
  readonly door: Door;
  readonly failure: GreenroomError | undefined;
  /** Since process start. */
  readonly listeningMs: number;
  readonly signals: { readonly first: () => EndSignal | undefined; readonly leave: () => void };
}

export async function start(argv: readonly string[]): Promise<void> {
  const options = earlyOptions(argv);
  const early = options ? openEarly(earlyListen({ ...options, cwd: process.cwd() })) : undefined;
  // Not before the socket listens: compiling our modules would hold the loop, and the door with it.
  const opened = await early;
  const { runProgram } = await import('./program.ts');
  await runProgram(argv, opened);
}

async function openEarly(address: { readonly host: string; readonly port: number }): Promise<EarlyDoor> {
  let first: EndSignal | undefined;
  const leave = listenForSignals((name) => {
    first ??= name;
  });
  const signals = { first: () => first, leave };
  const door = new Door();
  try {
    await door.listen(address);
    return { door, failure: undefined, listeningMs: performance.now(), signals };
  } catch (thrown) {
    // The full configuration may name another address; it decides whether this matters.
    return { door, failure: toGreenroomError(thrown, 'listen_failed'), listeningMs: 0, signals };
  }
}
