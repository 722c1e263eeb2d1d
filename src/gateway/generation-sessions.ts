// What the sessions of a generation are told when it is not current any more, and what ends those that stay too long.
import { formatAge } from '../config/units.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { AnyPipeline } from '../sessions/open-call.ts';
import type { SessionRegistry } from '../sessions/registry.ts';

export class SessionsOfGenerations {
  readonly #sessions: Pick<SessionRegistry, 'answeredBy'>;
  readonly #drainMs: () => number;

  constructor(sessions: Pick<SessionRegistry, 'answeredBy'>, drainMs: () => number) {
    this.#sessions = sessions;
    this.#drainMs = drainMs;
  }

  /** @param current what new callers get; null: the pipeline was removed */
  draining(built: AnyPipeline, current: number | null): void {
    const drain_ms = this.#drainMs();
    const { generation = 1, name } = built;
    const now =
      current === null
        ? 'is not in the configuration any more'
        : `was restarted: new calls get generation ${current}`;
    const message = `pipeline ${name} ${now}; this call keeps generation ${generation}, for ${shown(drain_ms)} at the longest`;
    for (const { session } of this.#sessions.answeredBy(built))
      session.notice({
        ...{ type: 'greenroom.notice', code: 'pipeline_restarted' },
        ...{ generation, current, drain_ms, message },
      });
  }

  overdue(built: AnyPipeline): void {
    const { generation = 1, name } = built;
    const message = `pipeline ${name} was restarted, and generation ${generation} ends after ${shown(this.#drainMs())}: call again`;
    const details = { pipeline: name, generation };
    for (const open of this.#sessions.answeredBy(built))
      open.end('restarted', new GreenroomError('pipeline_restarted', message, { details }));
  }
}

const shown = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : formatAge(Math.round(ms)));
