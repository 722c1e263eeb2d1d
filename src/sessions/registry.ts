// All sessions of a gateway: admits, sets up in one guarded scope, shows, ends. The only place where a session's scope
// is opened.

import type { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { CloseReport } from '../lifecycle/report.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { TaskDesk } from '../tasks/task-desk.ts';
import type { TaskHost } from '../tasks/task-host.ts';
import { Announcer } from '../telemetry/announcer.ts';
import { Histograms } from '../telemetry/histograms.ts';
import type { NewId } from '../wire/ids.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { Call } from './call.ts';
import { CallersPlace } from './callers-place.ts';
import { closeCodeOf, closeReason } from './close-codes.ts';
import { holdGeneration } from './generation-place.ts';
import { AudioBudget } from './input-audio.ts';
import type { LobbyWaits } from './lobby.ts';
import { type AnyPipeline, openCall } from './open-call.ts';
import type { SessionRecord } from './records.ts';
import type { OpenSession, RegistryOptions, SessionChange, SessionRequest } from './registry-options.ts';
import { type Caller, closeGraceMs, Seat } from './seat.ts';
import { conversationExpired, setUpFailed } from './session-errors.ts';
import type { SessionFacts } from './session-facts.ts';
import type { Transport } from './transport.ts';

/** A session that is open, with what is known of it from outside. */
interface Entry extends OpenSession {
  readonly seat: Seat;
  readonly place: CallersPlace;
  readonly principal: string;
}

export class SessionRegistry {
  readonly changes: Announcer<SessionChange>;
  readonly tasks: TaskDesk;
  readonly lobbyWaits: LobbyWaits = new Histograms();
  readonly #options: RegistryOptions;
  readonly #scope: Scope;
  readonly #earlyAudio: AudioBudget;
  readonly #sessions = new Map<string, Entry>();
  readonly #conversations = new Map<string, Entry>();
  #limits: Pick<RegistryOptions, 'limits' | 'sessionsMax'>;
  #terminated = 0;
  /** Open, or being set up or closed: each has a place. */
  #admitted = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#limits = options;
    this.#scope = options.scope;
    this.tasks = options.tasks ?? new TaskDesk({ log: options.log, store: undefined });
    this.#earlyAudio = new AudioBudget(options.earlyAudioBytesMax);
    this.changes = new Announcer((error) =>
      options.log.error({ error }, 'a listener of session changes failed'),
    );
  }

  get max(): number {
    return this.#limits.sessionsMax;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Connections that had to be ended because a close frame was not answered. */
  get terminated(): number {
    return this.#terminated;
  }

  /** For those that are opened from now on. */
  limit(limits: Pick<RegistryOptions, 'limits' | 'sessionsMax'>): void {
    this.#limits = limits;
  }

  list(): readonly SessionFacts[] {
    return [...this.#sessions.values()].map(({ session }) => session.facts());
  }

  /** Where somebody else may speak in its caller's place; undefined of a session that is not open. */
  place(id: string): CallersPlace | undefined {
    return this.#sessions.get(id)?.place;
  }

  /** What answers the session that this caller may come back to now, whatever the configuration has by that name. */
  leftBy(conversationId: string, principal: string): AnyPipeline | undefined {
    return this.#left(conversationId, principal)?.pipeline;
  }

  /** Undefined of one that is not open. */
  find(id: string): OpenSession | undefined {
    return this.#sessions.get(id);
  }

  /** Those that are answered by this very pipeline. */
  answeredBy(pipeline: AnyPipeline): readonly OpenSession[] {
    return [...this.#sessions.values()].filter((each) => each.pipeline === pipeline);
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
   * released in reverse, the caller is told, nothing is left. Resolves with its id when it is open, or why not. A caller
   * that comes back to its session is seated there; one that cannot is told so, and gets a new one.
   */
  async open(request: SessionRequest): Promise<string | GreenroomError> {
    const { transport, pipeline, preset = null, principal = '', conversationId: asked = null } = request;
    const before = asked === null ? undefined : this.#resume(asked, principal, request);
    if (before !== undefined) return before;
    const { newId, random, log, decoders } = this.#options;
    const { limits, sessionsMax } = this.#limits;
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
    let session: Call | undefined;
    // Before the caller has a seat it is told as one who is turned away.
    let tell = (error: GreenroomError): unknown => refuse(transport, error, newId);
    try {
      const tape = this.#options.openTape?.({
        ...{ id, pipeline: pipeline.name, formats: pipeline.kind === 'bridge' ? 'asked' : 'told' },
        notice: (notice) => session?.notice(notice),
      });
      if (tape) scope.defer('tape', ({ reason }) => tape.end(reason));
      const place: CallersPlace = new CallersPlace(scope, () => seat);
      const seat = new Seat(
        {
          ...{ id, scope, limits, tape, place, newId, random, why: () => ending, onEnd: end },
          onChange: (change, why) => this.#seatChanged(id, pipeline, change, why),
          onTerminated: () => {
            this.#terminated += 1;
          },
        },
        request,
      );
      tell = (error) => seat.send({ type: 'error', error: setUpFailed(error) });
      if (request.enter) holdGeneration(request.enter, id, scope, this.tasks);
      const { name, generation = 1 } = pipeline;
      const record = this.#options.records({ id, pipeline: name, generation, remote: seat.remote });
      session = await openCall(pipeline, {
        ...{ id, scope, seat, place, limits, preset, newId, random, record, decoders },
        ...(tape && { tape }),
        ...{ earlyAudio: this.#earlyAudio, lobbyWaits: this.lobbyWaits },
        openTasks: (host) => this.#openTasks(host, { id, scope, pipeline }),
        onEnd: end,
        onFault: (what, error) => log.warn({ session: id, error }, `session ${id}: ${what} failed`),
      });
      const told = (reason: CloseReason, error: GreenroomError) => {
        tell(error);
        end(reason, error);
      };
      this.#enter({ session, seat, place, pipeline, principal, end: told }, scope, () => ending);
      this.#record(record, scope, (reason) =>
        reason === 'client_left' && seat.callersCode !== undefined
          ? seat.callersCode
          : (ending?.closeCode ?? closeCodeOf(reason)),
      );
      tape?.begin(preset?.greenroom?.record ?? undefined);
      if (asked !== null) seat.send({ type: 'error', error: conversationExpired(asked) });
      session.begin();
      seat.attach(session);
      return id;
    } catch (thrown) {
      // A caller that left half-way is no fault.
      const error = toGreenroomError(thrown);
      if (scope.state !== 'open') return scope.closed.then(() => error);
      log.error({ session: id, error: thrown }, `session ${id}: set-up failed: ${error.message}`);
      tell(error);
      end('setup_failed', error);
      await scope.closed;
      return error;
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

  /** The session that the caller had left, and in which it is seated again. Another's is as one that is not there. */
  #resume(conversationId: string, principal: string, caller: Caller): string | undefined {
    const entry = this.#left(conversationId, principal);
    entry?.seat.take(caller);
    return entry?.session.id;
  }

  #left(conversationId: string, principal: string): Entry | undefined {
    const entry = this.#conversations.get(conversationId);
    if (entry?.principal !== principal || entry.seat.state === 'ended') return undefined;
    return entry.session.resumable ? entry : undefined;
  }

  #seatChanged(
    id: string,
    { name: pipeline }: AnyPipeline,
    type: 'away' | 'resumed' | 'replaced',
    why: string,
  ): void {
    this.#options.log.info({ session: id, pipeline }, `session ${id} ${type}: ${why}`);
    this.changes.announce({ id, type, pipeline, reason: null });
  }

  #refusal(sessionsMax: number): GreenroomError | undefined {
    if (this.#scope.state !== 'open') return new GreenroomError('server_shutdown', 'the gateway is leaving');
    // Those that are being set up count too.
    const open = this.#admitted;
    if (open < sessionsMax) return undefined;
    return new GreenroomError('sessions_full', `${open} sessions are open, ${sessionsMax} at most`);
  }

  /** @param why it had to end, where something was wrong */
  #enter(entry: Entry, scope: Scope, why: () => GreenroomError | undefined): void {
    const { log } = this.#options;
    const { session, pipeline } = entry;
    const { id, conversationId } = session;
    this.#sessions.set(id, entry);
    this.#conversations.set(conversationId, entry);
    // Only its own entry, however late it comes.
    scope.defer('registry entry', () => {
      this.#sessions.delete(id);
      this.#conversations.delete(conversationId);
    });
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
}

function refuse(transport: Transport, error: GreenroomError, newId: NewId): GreenroomError {
  const event = { event_id: newId('event'), type: 'error', error: setUpFailed(error) };
  transport.send(JSON.stringify(event), () => undefined);
  transport.close(error.closeCode, closeReason(error.message));
  return error;
}
