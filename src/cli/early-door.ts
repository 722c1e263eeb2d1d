// The door as it is opened before the command line is parsed, and what happened meanwhile. Whoever takes it closes it.
import type { EarlyListen } from '../config/early.ts';
import { Door } from '../gateway/door.ts';
import { type GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import { type EndSignal, listenForSignals } from '../lifecycle/process-end.ts';

/** A door that was opened early, or why it could not be; and the signal that came before anybody could act on it. */
export interface EarlyDoor {
  readonly door: Door;
  readonly failure: GreenroomError | undefined;
  /** Since process start. */
  readonly listeningMs: number;
  readonly signals: { readonly first: () => EndSignal | undefined; readonly leave: () => void };
}

/** Never throws: a failure is kept, since the full configuration may name another address. */
export async function openEarly(address: EarlyListen): Promise<EarlyDoor> {
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
    return { door, failure: toGreenroomError(thrown, 'listen_failed'), listeningMs: 0, signals };
  }
}
