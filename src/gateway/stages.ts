// The shutdown's stages and their budget, as ARCHITECTURE.md has them in a table.
import type { Supervisor } from '../engines/supervisor.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Stage } from '../lifecycle/shutdown.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { Door } from './door.ts';

export interface StageParts {
  readonly door: Door;
  /** Undefined while the gateway had not come so far. */
  readonly sessions: () => SessionRegistry | undefined;
  readonly supervisor: () => Supervisor | undefined;
  /** Of the whole gateway: closed last. */
  readonly scope: Scope;
}

const sessionsUntilMs = 1000;

/** A little before a stage's own deadline, so that it can still say what did not end. */
const inTime = (deadline: Deadline): Deadline => deadline.child(deadline.remainingMs() * 0.95);

export function shutdownStages({ door, sessions, supervisor, scope }: StageParts): readonly Stage[] {
  return [
    {
      name: 'announce',
      after: [],
      startByMs: 0,
      untilMs: 100,
      async run() {
        door.stopAccepting();
        const message = 'the gateway is leaving';
        sessions()?.notify({ type: 'greenroom.notice', code: 'server_shutdown', message, retry_ms: null });
        return undefined;
      },
    },
    {
      name: 'sessions',
      after: ['announce'],
      startByMs: 100,
      untilMs: sessionsUntilMs,
      async run(deadline) {
        const registry = sessions();
        if (!registry) return undefined;
        const count = registry.count;
        const report = await registry.closeAll('server_shutdown', inTime(deadline));
        const notes = count > 0 ? [`${count} sessions closed`] : [];
        if (registry.terminated > 0)
          notes.push(`${registry.terminated} connections did not answer their close: terminated`);
        return { notes, forced: [...report.overdue, ...report.failed].map(({ path }) => path) };
      },
    },
    {
      name: 'sockets',
      after: ['sessions'],
      startByMs: sessionsUntilMs,
      untilMs: 1200,
      async run() {
        const left = door.terminateSockets();
        await door.close();
        return left > 0 ? { notes: [`${left} open connections ended`] } : undefined;
      },
    },
    {
      name: 'engines',
      after: ['announce'],
      startByMs: 100,
      untilMs: 2200,
      async run(deadline) {
        const engines = supervisor();
        if (!engines) return undefined;
        const inUse = (engine: string) => sessions()?.uses(engine) ?? false;
        const leaseMs = deadline.remainingMs() * (sessionsUntilMs / 2200);
        const { killed, stuck } = await engines.stopAll({ deadline: inTime(deadline), leaseMs, inUse });
        return { notes: killed, forced: stuck };
      },
    },
    {
      name: 'flush',
      after: ['sessions', 'sockets', 'engines'],
      startByMs: 2200,
      untilMs: 2600,
      async run(deadline) {
        const report = await scope.close('server_shutdown', { deadline: inTime(deadline) });
        return { forced: [...report.overdue, ...report.failed].map(({ path }) => path) };
      },
    },
  ];
}
