// The door as it is opened before the command line is parsed, and what happened meanwhile. Whoever takes it closes it.
import type { EarlyListen } from '../config/early.ts';
import { Door } from '../gateway/door.ts';
import { systemClock, type Timer } from '../lifecycle/clock.ts';
import { type GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import { type EndSignal, listenForSignals } from '../lifecycle/process-end.ts';
import { secondSignalMs } from '../lifecycle/second-signal.ts';

/** A door that was opened early, or why it could not be; and the signal that came before anybody could act on it. */
export interface EarlyDoor {
  readonly door: Door;
  readonly failure: GreenroomError | undefined;
  /** Since process start. */
  readonly listeningMs: number;
  readonly signals: {
    readonly first: () => EndSignal | undefined;
    /** Somebody else acts on signals from now on, on the first as well. */
    readonly leave: () => void;
  };
}

/** A start-up that was told to leave has this long to come to where it can. */
const startUpGraceMs = 1000;

/** Never throws: a failure is kept, since the full configuration may name another address. */
export async function openEarly(address: EarlyListen): Promise<EarlyDoor> {
  let first: { readonly name: EndSignal; readonly atMs: number } | undefined;
  let late: Timer | undefined;
  const door = new Door(address.security);
  const leaveSignals = listenForSignals((name) => {
    const nowMs = systemClock.now();
    if (first && nowMs - first.atMs > secondSignalMs) return endBy(name, door);
    if (first) return;
    first = { name, atMs: nowMs };
    late = systemClock.after(startUpGraceMs, () => endBy(name, door), { ref: false });
  });
  const signals = {
    first: () => first?.name,
    leave: () => {
      late?.cancel();
      leaveSignals();
    },
  };
  try {
    await door.listen(address);
    return { door, failure: undefined, listeningMs: performance.now(), signals };
  } catch (thrown) {
    return { door, failure: toGreenroomError(thrown, 'listen_failed'), listeningMs: 0, signals };
  }
}

/**
 * What we read (a pipe that nobody writes to, a mount that hangs) holds the start-up, and would hold `process.exit()` as
 * well. Nothing is there yet that has to be closed: the signal ends us as it ends any program.
 */
function endBy(name: EndSignal, door: Door): void {
  door.stopAccepting();
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}
