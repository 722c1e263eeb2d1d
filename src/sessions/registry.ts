// All sessions of a gateway: admits, sets up in one guarded scope, shows, ends. The only place where a session's scope
// is opened, and the one that says which close code a reason has.

import { type ErrorCode, factsOf } from '../lifecycle/codes.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import type { ReleaseContext } from '../lifecycle/holding.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { CloseReport } from '../lifecycle/report.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { TaskDesk } from '../tasks/task-desk.ts';
import type { TaskHost } from '../tasks/task-host.ts';
import { Announcer } from '../telemetry/announcer.ts';
import { Histograms } from '../telemetry/histograms.ts';
import type { Log } from '../telemetry/log.ts';
import type { SessionUpdate } from '../wire/client-schema.ts';
import type { NewId } from '../wire/ids.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { Call } from './call.ts';
import { AudioBudget } from './input-audio.ts';
import type { LobbyWaits } from './lobby.ts';
import { type AnyPipeline, openCall } from './open-call.ts';
import type { SessionRecord, SessionRecords } from './records.ts';
import type { SessionFacts } from './session-facts.ts';
import type { SessionLimits } from './session-options.ts';
import { type OpenTape, tapedTransport } from './tape.ts';
import type { Transport } from './transport.ts';

export interface SessionChange {
  readonly id: string;
  readonly type: 'opened' | 'closed';
  readonly pipeline: string;
  readonly reason: CloseReason | null;
}

export interface RegistryOptions {
  readonly scope: Scope;
  readonly log: Log;
  readonly limits: SessionLimits;
  readonly sessionsMax: number;
  readonly earlyAudioBytesMax: number;
  readonly records: SessionRecords;
  /** Default: one that keeps nothing. */
  readonly tasks?: TaskDesk;
  /** Default: nothing is recorded. */
  readonly openTape?: OpenTape;
  readonly newId: NewId;
  readonly random: () => number;
}

export interface SessionRequest {
  readonly transport: Transport;
  readonly pipeline: AnyPipeline;
  readonly notices: boolean;
  /** What the session begins with, beside what its pipeline says. */
  readonly preset?: SessionUpdate | null;
}

/** A close frame is given so long to be answered; then the connection is ended. */
const closeGraceMs = 1000;

export class SessionRegistry {
  readonly changes: Announcer<SessionChange>;
  readonly tasks: TaskDesk;
  readonly lobbyWaits: LobbyWaits = new Histograms();
  readonly #options: RegistryOptions;
  readonly #scope: Scope;
  readonly #earlyAudio: AudioBudget;
  readonly #sessions = new Map<string, { readonly session: Call; readonly pipeline: AnyPipeline }>();
  #terminated = 0;
  /** Open, or being set up or closed: each has a place. */
  #admitted = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#scope = options.scope;
    this.tasks = options.tasks ?? new TaskDesk({ log: options.log, store: undefined });
    this.#earlyAudio = new AudioBudget(options.earlyAudioBytesMax);
    this.changes = new Announcer((error) =>
      options.log.error({ error }, 'a listener of session changes failed'),
    );
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Connections that had to be ended because a close frame was not answered. */
  get terminated(): number {
    return this.#terminated;
  }

  list(): readonly SessionFacts[] {
    return [...this.#sessions.values()].map(({ session }) => session.facts());
  }

  /** Whether a session uses an engine, or a task of one does. */
  uses(engine: string): boolean {
    if (this.tasks.uses(engine)) return true;
    return [...this.#sessions.values()].some(({ pipeline }) => pipeline.needs.includes(engine));
  }

  /** Sends a notice to every caller that asked for notices. */
  notify(event: Extract<ServerEvent, { type: `greenroom.${string}` }>): void {
    for (const { session } of this.#sessions.values()) session.notice(event);
  }

  /**
   * Opens a session on a connection that is there already. Whatever fails, at whichever step: what was acquired is
   * released in reverse, the caller is told, nothing is left. Resolves when it is open, or has been refused.
   */
  async open({ transport, pipeline, notices, preset = null }: SessionRequest): Promise<void> {
    const { newId, random, limits, log, sessionsMax } = this.#options;
    const refusal = this.#refusal(sessionsMax);
    if (refusal) return refuse(transport, refusal, newId);
    const id = newId('sess');
    const scope = this.#scope.child(id, { kind: 'session', graceMs: closeGraceMs });
    this.#admitted += 1;
    void scope.closed.then(() => {
      this.#admitted -= 1;
    });
    let ending: GreenroomError | undefined;
    const end = (reason: CloseReason, error?: GreenroomError) => {
      ending ??= error;
      void scope.close(reason);
    };
    const early: (() => void)[] = [];
    let session: Call | undefined;
    const deliver = (step: (to: Call) => void) => {
      const to = session;
      if (to) step(to);
      else early.push(() => session && step(session));
    };
    const closed = Promise.withResolvers<void>();
    let callersCode: number | undefined;
    const tape = this.#options.openTape?.({
      ...{ id, pipeline: pipeline.name, formats: pipeline.kind === 'bridge' ? 'asked' : 'told' },
      notice: (notice) => session?.notice(notice),
    });
    if (tape) scope.defer('tape', ({ reason }) => tape.end(reason));
    scope.defer('transport', (context) => this.#closeTransport(transport, ending, closed.promise, context));
    transport.listen({
      text: (text) => deliver((to) => to.receive(text)),
      frame: (frame) => session?.receiveFrame?.(frame) ?? false,
      binary: () => deliver((to) => to.receive(null)),
      alive: (sign) => session?.alive(sign),
      closed: (code) => {
        callersCode = code;
        closed.resolve();
        end('client_left');
      },
    });
    try {
      const record = this.#options.records({ id, pipeline: pipeline.name, remote: transport.remote });
      session = await openCall(pipeline, {
        ...{ id, scope, limits, notices, preset, newId, random, record },
        ...(tape ? { tape, transport: tapedTransport(transport, tape) } : { transport }),
        ...{ earlyAudio: this.#earlyAudio, lobbyWaits: this.lobbyWaits },
        openTasks: (host) => this.#openTasks(host, { id, scope, pipeline }),
        onEnd: end,
        onFault: (what, error) => log.warn({ session: id, error }, `session ${id}: ${what} failed`),
      });
      this.#enter(id, session, pipeline, scope, () => ending);
      this.#record(record, scope, (reason) =>
        reason === 'client_left' && callersCode !== undefined
          ? callersCode
          : (ending?.closeCode ?? closeCodeOf(reason)),
      );
      tape?.begin(preset?.greenroom?.record ?? undefined);
      session.begin();
      for (const step of early) step();
    } catch (thrown) {
      // A caller that left half-way is no fault.
      if (scope.state !== 'open') return void (await scope.closed);
      const error = toGreenroomError(thrown);
      log.error({ session: id, error: thrown }, `session ${id}: set-up failed: ${error.message}`);
      transport.send(errorFrame(error, newId), () => undefined);
      end('setup_failed', error);
      await scope.closed;
    }
  }

  /** Ends every session in parallel; each is told. */
  closeAll(reason: CloseReason, deadline: Deadline): Promise<CloseReport> {
    return this.#scope.close(reason, { deadline });
  }

  #openTasks(
    host: TaskHost,
    of: { readonly id: string; readonly scope: Scope; readonly pipeline: AnyPipeline },
  ) {
    const { id: session, scope, pipeline } = of;
    const { newId } = this.#options;
    const { name, tasks: plans = [] } = pipeline;
    const owner = this.#scope;
    return this.tasks.open({ session, scope, owner, pipeline: name, plans, host, newId });
  }

  #refusal(sessionsMax: number): GreenroomError | undefined {
    if (this.#scope.state !== 'open') return new GreenroomError('server_shutdown', 'the gateway is leaving');
    // Those that are being set up count too.
    const open = this.#admitted;
    if (open < sessionsMax) return undefined;
    return new GreenroomError('sessions_full', `${open} sessions are open, ${sessionsMax} at most`);
  }

  /** @param why it had to end, where something was wrong */
  #enter(
    id: string,
    session: Call,
    pipeline: AnyPipeline,
    scope: Scope,
    why: () => GreenroomError | undefined,
  ): void {
    const { log } = this.#options;
    this.#sessions.set(id, { session, pipeline });
    // Only its own entry, however late it comes.
    scope.defer('registry entry', () => void this.#sessions.delete(id));
    log.info({ session: id, pipeline: pipeline.name }, `session ${id} opened`);
    this.changes.announce({ id, type: 'opened', pipeline: pipeline.name, reason: null });
    void scope.closed.then((report) => {
      const { reason, ms, failed, overdue } = report;
      const error = why();
      const because = error ? `: ${error.message} [${error.code}]` : '';
      log.info(
        { session: id, reason, ...(error && { code: error.code }), ms: Math.round(ms), failed, overdue },
        `session ${id} closed: ${reason}${because}`,
      );
      this.changes.announce({ id, type: 'closed', pipeline: pipeline.name, reason });
    });
  }

  #record(record: SessionRecord, scope: Scope, closeCode: (reason: CloseReason) => number): void {
    record.opened();
    void scope.closed.then(({ reason }) => record.closed(reason, closeCode(reason)));
  }

  /** A close frame is sent and given most of the time there is; what is left is for ending the connection. */
  async #closeTransport(
    transport: Transport,
    error: GreenroomError | undefined,
    closed: Promise<void>,
    { reason, deadline }: ReleaseContext,
  ): Promise<void> {
    if (reason !== 'client_lost') {
      transport.close(error?.closeCode ?? closeCodeOf(reason), closeReason(error?.message ?? reason));
      const grace = deadline.child(deadline.remainingMs() * 0.8);
      const answered = await grace.wait(closed);
      grace.dispose();
      if (answered.state === 'done') return;
      this.#terminated += 1;
    }
    transport.terminate();
    await closed;
  }
}

const closeCodes: Readonly<Record<CloseReason, ErrorCode | 1000>> = {
  done: 1000,
  client_left: 1000,
  client_lost: 'client_lost',
  server_shutdown: 'server_shutdown',
  setup_failed: 'internal_error',
  engine_failed: 'engine_exited',
  slow_client: 'slow_client',
  replaced: 1000,
  deadline: 'deadline_exceeded',
  protocol_error: 'protocol_error',
  internal_error: 'internal_error',
};

function closeCodeOf(reason: CloseReason): number {
  const code = closeCodes[reason];
  return code === 1000 ? 1000 : factsOf(code).close;
}

/** At most 123 bytes fit into a close frame (RFC 6455, 5.5). */
function closeReason(text: string): string {
  let reason = text;
  while (Buffer.byteLength(reason) > 123) reason = reason.slice(0, -1);
  return reason;
}

function errorFrame({ code, message }: GreenroomError, newId: NewId): string {
  const error = { type: 'server_error', code, message, param: null, event_id: null };
  return JSON.stringify({ event_id: newId('event'), type: 'error', error });
}

function refuse(transport: Transport, error: GreenroomError, newId: NewId): void {
  transport.send(errorFrame(error, newId), () => undefined);
  transport.close(error.closeCode, closeReason(error.message));
}
