// The processes that the command of `exec` has when it is asked to end. A shell does not pass a signal on: what it was
// waiting for would outlive it.
import type { ProcessIdentity } from '../../engines/host/identity.ts';
import { type Clock, delay } from '../../lifecycle/clock.ts';
import { toGreenroomError } from '../../lifecycle/errors.ts';
import { type Processes, systemProcesses } from '../processes.ts';

const lookEveryMs = 20;
/** KILL is not heard by who waits for a disk, and another user's process is not ours to end. */
const killedMs = 500;

export class Descendants {
  readonly #clock: Clock;
  readonly #processes: Pick<Processes, 'familyOf' | 'isAlive' | 'signal'>;
  #members: readonly ProcessIdentity[] = [];
  #untilMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, processes: Pick<Processes, 'familyOf' | 'isAlive' | 'signal'> = systemProcesses) {
    this.#clock = clock;
    this.#processes = processes;
  }

  /** Those of this process are meant from now on. None where there is no /proc. */
  async of(pid: number): Promise<void> {
    this.#members = await this.#processes.familyOf(pid);
  }

  tell(name: 'SIGTERM' | 'SIGKILL'): void {
    if (name === 'SIGKILL') this.#untilMs = this.#clock.now() + killedMs;
    for (const member of this.#members) this.#signal(member, name);
  }

  /** Resolves when none of them is left, or some time after they were told KILL. */
  async gone(): Promise<void> {
    while (this.#members.length > 0 && this.#clock.now() < this.#untilMs) {
      const living = await Promise.all(this.#members.map((member) => this.#processes.isAlive(member)));
      this.#members = this.#members.filter((_, at) => living[at]);
      if (this.#members.length > 0) await delay(this.#clock, lookEveryMs);
    }
  }

  #signal(member: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): void {
    try {
      this.#processes.signal(member, name);
    } catch (thrown) {
      // Another user's, as `sudo` makes them: whoever started it passes the signal on.
      if (toGreenroomError(thrown).code !== 'permission_denied') throw thrown;
    }
  }
}
