// The shutdown's stages and their budget, as ARCHITECTURE.md has them in a table.
import type { Supervisor } from '../engines/supervisor.ts';
import { messageOf } from '../lifecycle/errors.ts';
import type { CloseReport } from '../lifecycle/report.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Stage, StageResult } from '../lifecycle/shutdown.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { Door } from './door.ts';
import type { EngineRequests } from './engine-requests/engine-requests.ts';
import type { Events } from './events/events.ts';

export interface StageParts {
  readonly door: Door;
  /** Undefined while the gateway had not come so far. */
  readonly sessions: () => SessionRegistry | undefined;
  readonly requests: () => EngineRequests | undefined;
  readonly events: () => Events | undefined;
  readonly supervisor: () => Supervisor | undefined;
  /** Of the whole gateway: closed last. */
  readonly scope: Scope;
}

const sessionsUntilMs = 1000;

export function shutdownStages(parts: StageParts): readonly Stage[] {
  const { door, sessions, requests, events, supervisor, scope } = parts;
  return [
    {
      name: 'announce',
      after: [],
      startByMs: 0,
      untilMs: 100,
      async run() {
        // Not awaited: on a busy machine the last connections take their time, and `sockets` waits for them.
        void door.stopAccepting();
        requests()?.leave();
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
        const report = await registry.closeAll('server_shutdown', deadline);
        const notes = count > 0 ? [`${count} ${count === 1 ? 'session' : 'sessions'} closed`] : [];
        if (registry.terminated > 0)
          notes.push(`${registry.terminated} connections did not answer their close: terminated`);
        return { notes, ...problemsOf(report) };
      },
    },
    {
      name: 'requests',
      after: ['announce'],
      startByMs: 100,
      untilMs: sessionsUntilMs,
      async run(deadline) {
        const engineRequests = requests();
        if (!engineRequests) return undefined;
        const { count } = engineRequests;
        const { report, cut } = await engineRequests.closeAll(deadline);
        const notes =
          count > 0 ? [`${count} ${count === 1 ? 'request' : 'requests'} to engines, ${cut} cut`] : [];
        return { notes, ...problemsOf(report) };
      },
    },
    {
      name: 'watchers',
      after: ['announce'],
      startByMs: 100,
      untilMs: sessionsUntilMs,
      async run(deadline) {
        const { watchers = 0, terminated = 0 } = (await events()?.leave(deadline)) ?? {};
        const notes = watchers > 0 ? [`${watchers} ${watchers === 1 ? 'watcher' : 'watchers'} left`] : [];
        if (terminated > 0) notes.push(`${terminated} of them did not answer their close: terminated`);
        return { notes };
      },
    },
    {
      name: 'sockets',
      after: ['sessions', 'requests', 'watchers'],
      startByMs: sessionsUntilMs,
      untilMs: 1200,
      async run(deadline) {
        // Whoever has asked something, the shutdown itself above all, is answered first.
        const answering = deadline.child(deadline.remainingMs() / 2);
        await door.answered(answering);
        answering.dispose();
        const left = door.terminateSockets();
        await door.close();
        return left > 0
          ? { notes: [`${left} ${left === 1 ? 'connection' : 'connections'} ended`] }
          : undefined;
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
        const inUse = (engine: string) =>
          (sessions()?.uses(engine) ?? false) || (requests()?.uses(engine) ?? false);
        const leaseMs = deadline.remainingMs() * (sessionsUntilMs / 2200);
        const { killed, stuck } = await engines.stopAll({ deadline, leaseMs, inUse });
        return { notes: killed, forced: stuck };
      },
    },
    {
      name: 'flush',
      after: ['sessions', 'requests', 'watchers', 'sockets', 'engines'],
      startByMs: 2200,
      untilMs: 2600,
      async run(deadline) {
        const report = await scope.close('server_shutdown', { deadline });
        return problemsOf(report);
      },
    },
  ];
}

function problemsOf({ overdue, failed }: CloseReport): StageResult {
  return {
    forced: overdue.map(({ path }) => path),
    failed: failed.map(({ path, error }) => `${path}: ${messageOf(error)}`),
  };
}
