// Why an engine's connection is gone, asked right after: when its process has ended that is the cause, and it is known
// a moment later.
import type { Engine } from '../../engines/engine.ts';
import type { EngineInstance } from '../../engines/instance.ts';
import type { Lease } from '../../engines/lease.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { ConnectionLost } from './engine-call.ts';

export interface Asked {
  readonly engine: Engine;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What the caller is told of what was thrown while he was answered. */
export async function reasonOf(thrown: unknown, asked: Asked): Promise<unknown> {
  if (!(thrown instanceof ConnectionLost) || asked.signal.aborted) return thrown;
  const { engine, lease, clock } = asked;
  const { how, message: what } = thrown;
  if (how === 'lost') return whyLost({ engine, instance: lease.instance, clock, what, cause: thrown });
  const details = { engine: engine.name, logTail: lease.instance.logTail };
  return new GreenroomError('engine_stalled', `engine ${engine.name}: ${what}`, { details, cause: thrown });
}

interface Lost {
  readonly engine: Engine;
  readonly instance: EngineInstance;
  readonly clock: Clock;
  /** For people: `POST /v1/embeddings: the connection to 127.0.0.1:20123 was cut`. */
  readonly what: string;
  readonly cause: unknown;
}

/** A process that has just ended is known to have by then. */
const waitMs = 300;

async function whyLost(lost: Lost): Promise<GreenroomError> {
  const { engine, instance, what, cause } = lost;
  const { name } = engine;
  const { pid } = instance;
  if (pid !== null) await leftReady(lost);
  const { state, failure, pid: pidNow } = engine.status();
  if (pid === null || (state === 'ready' && pidNow === pid)) {
    const there = pid === null ? '' : `; its process ${pid} is still there`;
    const message = `engine ${name}: ${what}${there}`;
    return new GreenroomError('engine_call_failed', message, {
      details: { engine: name, logTail: instance.logTail },
      cause,
    });
  }
  const [code, why] =
    failure && state !== 'stopping' && state !== 'stopped'
      ? ([failure.code as GreenroomError['code'], failure.message] as const)
      : (['engine_stopped', `engine ${name} is being stopped`] as const);
  return new GreenroomError(code, `${why} (${what})`, {
    details: { engine: name, state, logTail: failure?.logTail ?? instance.logTail, retryAfterMs: retryMs },
    cause,
  });
}

/** By then it is tried again. */
const retryMs = 2000;

function leftReady({ engine, clock }: Lost): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel();
      unlisten();
      resolve();
    };
    const timer = clock.after(waitMs, done);
    const unlisten = engine.onChange(({ state }) => {
      if (state !== 'ready') done();
    });
    if (engine.status().state !== 'ready') done();
  });
}
