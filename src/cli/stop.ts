// `greenroom stop`: asks the gateway of a data directory to leave, and waits until it is really gone, with everything
// that lived because of it. A process is known by its identity, which is looked at again right before every signal.
import { resolve } from 'node:path';
import type { ProcessIdentity } from '../engines/host/identity.ts';
import { readLastReport } from '../gateway/gateway-log.ts';
import { leadsTo } from '../gateway/listening.ts';
import { lookInto, type Presence } from '../gateway/presence.ts';
import { type Clock, delay, systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { Scope } from '../lifecycle/scope.ts';
import { ask, gatewayUrl } from './ask.ts';
import type { CommandIo } from './io.ts';
import { type Processes, systemProcesses } from './processes.ts';
import { seconds } from './screen.ts';
import { type StopPlan, type StopStep, stopPlan } from './stop-plan.ts';
import { type StopHow, StopReport } from './stop-report.ts';

export interface StopOptions {
  readonly data?: string | undefined;
  readonly force?: boolean | undefined;
  /** Default 10,000; 3,000 with `force`. */
  readonly timeoutMs?: number | undefined;
  /** Of an administrator: only a gateway within another program is asked over HTTP. */
  readonly token?: string | undefined;
  readonly json?: boolean | undefined;
}

interface Target {
  readonly identity: ProcessIdentity;
  readonly url: string | null;
  readonly process: 'owned' | 'shared';
  readonly state: 'serving' | 'leaving';
}

const timeoutMsDefault = { asked: 10_000, forced: 3_000 };
/** A gateway that starts writes its record in this time. */
const recordMs = 2000;
/** What a gateway that is gone has left behind is ended by its reaper in this time. */
const familyMs = 2000;
const pollMs = 20;
const moreForce = 'end it with `greenroom stop --force`, or give it longer with --timeout';

/**
 * Returns 0 when it is gone, also when it was before. Throws `deadline_exceeded`, with the next step, when it is still
 * there when time is up; `permission_denied`; `cancelled`.
 */
export async function stop(
  options: StopOptions,
  io: CommandIo,
  clock: Clock = systemClock,
  processes: Processes = systemProcesses,
): Promise<number> {
  const stopping = new Stopping(options, io, clock, processes);
  await stopping.run();
  return 0;
}

class Stopping {
  readonly #options: StopOptions;
  readonly #io: CommandIo;
  readonly #clock: Clock;
  readonly #processes: Processes;
  readonly #directory: string;
  readonly #plan: StopPlan;
  readonly #report: StopReport;
  readonly #beganMs: number;
  readonly #beganWallMs: number;
  /** By pid: whom the gateway has had, as seen before each signal. */
  readonly #family = new Map<number, ProcessIdentity>();

  constructor(options: StopOptions, io: CommandIo, clock: Clock, processes: Processes) {
    const { data, force = false, json = false } = options;
    this.#options = options;
    this.#io = io;
    this.#clock = clock;
    this.#processes = processes;
    this.#directory = resolve(io.cwd, data ?? '.greenroom');
    this.#plan = stopPlan(options.timeoutMs ?? timeoutMsDefault[force ? 'forced' : 'asked'], force);
    this.#report = new StopReport(io, json ? 'json' : 'lines');
    this.#beganMs = clock.now();
    this.#beganWallMs = clock.wallTime();
  }

  async run(): Promise<void> {
    const target = await this.#target();
    if (!target) return;
    const how = target.process === 'shared' ? await this.#request(target) : await this.#signals(target);
    const ms = this.#elapsedMs();
    const left = await this.#familyLeft();
    this.#report.stages(await readLastReport(this.#directory, this.#beganWallMs));
    const { identity, url } = target;
    if (left.length > 0) {
      const pids = left.map(({ pid }) => pid);
      const message = `the gateway (pid ${identity.pid}) is gone, but not what it started: pid ${pids.join(', ')} still there after ${familyMs} ms; end them with \`kill -9 ${pids.join(' ')}\``;
      throw new GreenroomError('deadline_exceeded', message, { details: { pids } });
    }
    this.#report.stopped({ pid: identity.pid, url, how, ms, processes: this.#family.size });
  }

  /** Undefined, and told, when nobody is there. */
  async #target(): Promise<Target | undefined> {
    for (;;) {
      const presence = await lookInto(this.#directory);
      switch (presence.state) {
        case 'running': {
          const { pid, startTime, bootId, url, process = 'owned', state = 'serving' } = presence.record;
          return { identity: { pid, startTime, bootId }, url, process, state };
        }
        case 'unrecorded':
          if (this.#elapsedMs() < recordMs) break;
          return {
            ...{ identity: presence.holder ?? this.#nobodyKnown(presence), url: null },
            ...{ process: 'owned', state: 'serving' },
          };
        default:
          this.#report.absent(this.#directory, presence);
          return undefined;
      }
      await this.#pause();
    }
  }

  #nobodyKnown({ problem }: Extract<Presence, { state: 'unrecorded' }>): never {
    const what = problem ?? 'it has written no address';
    const message = `a gateway holds ${this.#directory}, and who it is cannot be told (${what}); end it where it was started`;
    throw new GreenroomError('data_directory_locked', message, { details: { directory: this.#directory } });
  }

  async #signals({ identity, url, state }: Target): Promise<StopHow> {
    const { steps, untilMs } = this.#plan;
    if (state === 'leaving' && !this.#options.force) return this.#wait(identity, url);
    for (const [index, { signal }] of steps.entries()) {
      for (const each of await this.#processes.familyOf(identity.pid)) this.#family.set(each.pid, each);
      if (this.#processes.signal(identity, signal) === 'sent')
        this.#report.asked(identity.pid, url, signal, index === 0 ? 'first' : 'again');
      if (await this.#goneBy(steps[index + 1]?.atMs ?? untilMs, () => this.#isGone(identity)))
        return howAfter(index, signal);
    }
    const { pid } = identity;
    const next = this.#options.force
      ? 'it does not end by SIGKILL either: it is stuck in the kernel, on a disk or a device'
      : moreForce;
    throw this.#late(pid, next);
  }

  /** It leaves already: to be asked a second time would force it. */
  async #wait(identity: ProcessIdentity, url: string | null): Promise<StopHow> {
    for (const each of await this.#processes.familyOf(identity.pid)) this.#family.set(each.pid, each);
    this.#report.leaving(identity.pid, url);
    if (await this.#goneBy(this.#plan.untilMs, () => this.#isGone(identity))) return 'left';
    throw this.#late(identity.pid, moreForce);
  }

  /** A gateway in somebody else's program, which is not ours to end. */
  async #request({ identity, url, state }: Target): Promise<StopHow> {
    const { pid } = identity;
    const notOurs = `it is part of another program, which is not ours to end: end pid ${pid} itself`;
    if (state === 'leaving') this.#report.leaving(pid, url);
    else {
      const silent = await this.#post(pid, url);
      // Somebody else may have asked it meanwhile: then it leaves, and answers nobody.
      const now = silent && (await lookInto(this.#directory));
      if (now && isOf(now, identity) && !isLeaving(now)) throw this.#late(pid, `${silent}; ${notOurs}`);
    }
    const closed = async () => {
      const now = await lookInto(this.#directory);
      return now.state !== 'unrecorded' && !isOf(now, identity);
    };
    if (await this.#goneBy(this.#plan.untilMs, closed)) return 'left';
    throw this.#late(pid, notOurs);
  }

  /** Returns why there was no answer; undefined when there was one. */
  async #post(pid: number, url: string | null): Promise<string | undefined> {
    if (url === null || !(await leadsTo(url, pid))) {
      const message = `the record of ${this.#directory} names ${url}, where the program that holds it (pid ${pid}) does not listen: nobody is asked there, and no token is sent; end pid ${pid} itself`;
      throw new GreenroomError('gateway_unreachable', message, { details: { pid, url } });
    }
    const scope = new Scope('stop', { clock: this.#clock, kind: 'command' });
    try {
      const token = this.#options.token ?? this.#io.env['GREENROOM_ADMIN_TOKEN'];
      const question = { url: gatewayUrl(url, '/api/shutdown'), method: 'POST', token } as const;
      const asked = await ask(question, scope, this.#plan.untilMs);
      if (asked.state === 'silent') return asked.why;
      if ([401, 403].includes(asked.status)) {
        const message = `the gateway at ${url} is part of another program (pid ${pid}) and takes no order without an administrator's token: --token, or GREENROOM_ADMIN_TOKEN`;
        throw new GreenroomError('unauthorized', message, { details: { pid, url } });
      }
      this.#report.asked(pid, url, 'request', 'first');
      return undefined;
    } finally {
      await scope.close('done');
    }
  }

  #late(pid: number, next: string): GreenroomError {
    const message = `the gateway (pid ${pid}) is still there after ${seconds(this.#elapsedMs())}; ${next}`;
    return new GreenroomError('deadline_exceeded', message, { details: { pid } });
  }

  /** Its process, and the lock with it; another gateway may have both by now. */
  async #isGone(identity: ProcessIdentity): Promise<boolean> {
    if (await this.#processes.isAlive(identity)) return false;
    const now = await lookInto(this.#directory);
    return now.state !== 'unrecorded' || now.holder?.pid !== identity.pid;
  }

  async #familyLeft(): Promise<readonly ProcessIdentity[]> {
    const untilMs = this.#elapsedMs() + familyMs;
    let left = [...this.#family.values()];
    await this.#goneBy(untilMs, async () => {
      const alive = await Promise.all(left.map((each) => this.#processes.isAlive(each)));
      left = left.filter((_, index) => alive[index]);
      return left.length === 0;
    });
    return left;
  }

  async #goneBy(untilMs: number, isGone: () => Promise<boolean>): Promise<boolean> {
    for (;;) {
      if (await isGone()) return true;
      if (this.#elapsedMs() >= untilMs) return false;
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    if ((await delay(this.#clock, pollMs, this.#io.signal)) === 'elapsed') return;
    const message = `interrupted after ${seconds(this.#elapsedMs())}: what was asked of the gateway still holds`;
    throw new GreenroomError('cancelled', message);
  }

  #elapsedMs(): number {
    return this.#clock.now() - this.#beganMs;
  }
}

function howAfter(index: number, signal: StopStep['signal']): StopHow {
  if (signal === 'SIGKILL') return 'killed';
  return index === 0 ? 'left' : 'forced';
}

function isOf(presence: Presence, { pid, startTime }: ProcessIdentity): boolean {
  return (
    presence.state === 'running' && presence.record.pid === pid && presence.record.startTime === startTime
  );
}

const isLeaving = (presence: Presence): boolean =>
  presence.state === 'running' && presence.record.state === 'leaving';
