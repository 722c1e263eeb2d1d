// What the sessions of a generation are told when it is not current any more, and what ends those that stay too long. A
// caller that was away, or comes over another connection, is told what is left of it when it is back.
import { formatAge } from '../config/units.ts';
import type { Clock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { AnyPipeline } from '../sessions/open-call.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { OpenSession } from '../sessions/registry-options.ts';

export type DrainedSessions = Pick<SessionRegistry, 'answeredBy' | 'find' | 'changes'>;

/** How a generation drains. */
interface Drain {
  /** What new callers get; null: the pipeline was removed. */
  readonly current: number | null;
  /** When its sessions have had their time. */
  readonly endsMs: number;
}

export class SessionsOfGenerations {
  readonly #sessions: DrainedSessions;
  readonly #clock: Clock;
  readonly #drainMs: () => number;
  readonly #drains = new WeakMap<AnyPipeline, Drain>();
  /** Hears no more of who comes back. */
  readonly close: () => void;

  constructor(sessions: DrainedSessions, clock: Clock, drainMs: () => number) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#drainMs = drainMs;
    this.close = sessions.changes.listen(({ id, type }) => {
      if (type !== 'resumed' && type !== 'replaced') return;
      const open = sessions.find(id);
      const drain = open && this.#drains.get(open.pipeline);
      if (drain) this.#tell(open, drain);
    });
  }

  /** @param current what new callers get; null: the pipeline was removed */
  draining(built: AnyPipeline, current: number | null): void {
    const drain = { current, endsMs: this.#clock.now() + this.#drainMs() };
    this.#drains.set(built, drain);
    for (const open of this.#sessions.answeredBy(built)) this.#tell(open, drain);
  }

  overdue(built: AnyPipeline): void {
    const { generation = 1, name } = built;
    const message = `pipeline ${name} was restarted, and generation ${generation} ends after ${shown(this.#drainMs())}: call again`;
    const details = { pipeline: name, generation };
    for (const open of this.#sessions.answeredBy(built))
      open.end('restarted', new GreenroomError('pipeline_restarted', message, { details }));
  }

  #tell({ session, pipeline }: OpenSession, { current, endsMs }: Drain): void {
    const { generation = 1, name } = pipeline;
    const drain_ms = Math.max(0, Math.round(endsMs - this.#clock.now()));
    const now =
      current === null
        ? 'is not in the configuration any more'
        : `was restarted: new calls get generation ${current}`;
    session.notice({
      ...{ type: 'greenroom.notice', code: 'pipeline_restarted' },
      ...{ generation, current, drain_ms },
      message: `pipeline ${name} ${now}; this call keeps generation ${generation}, for ${shown(drain_ms)} at the longest`,
    });
  }
}

const shown = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : formatAge(Math.round(ms)));
