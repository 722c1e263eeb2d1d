// The whole gateway behind a door that listens already: data directory, log, engines, pipelines, sessions, routes, and
// the one shutdown. Embedders and the command line meet it here.
import type { EngineStatus } from '../engines/status.ts';
import type { EngineChange, Supervisor } from '../engines/supervisor.ts';
import { systemClock, turn } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { TreeNode } from '../lifecycle/report.ts';
import { Scope } from '../lifecycle/scope.ts';
import type { Shutdown, ShutdownReport } from '../lifecycle/shutdown.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { SessionChange } from '../sessions/registry-options.ts';
import type { SessionFacts } from '../sessions/session-facts.ts';
import { operations } from '../telemetry/operations.ts';
import { Access } from './access.ts';
import { ClientSecrets } from './client-secrets.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import { GatewayLog } from './gateway-log.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { type HealthStatus, healthStatus, type Missing, whenReady } from './health.ts';
import { Instruments } from './instruments.ts';
import { openDecoders } from './open-decoders.ts';
import { openEngines } from './open-engines.ts';
import { openJournal } from './open-journal.ts';
import { type Changes, openPipelines } from './open-pipelines.ts';
import { openRecordings } from './open-recordings.ts';
import { openSessions } from './open-sessions.ts';
import { openShutdown } from './open-shutdown.ts';
import type { PipelineTable } from './pipeline-table.ts';
import { RealtimeEndpoint } from './realtime-endpoint.ts';
import { openRecords, type Records } from './records.ts';
import { pathOf } from './request-head.ts';
import type { Surface } from './surface.ts';
import { upgrades } from './upgrades.ts';

export class Gateway {
  readonly shutdown: Shutdown;
  readonly #options: GatewayOptions;
  readonly #scope: Scope;
  readonly #instruments: Instruments;
  readonly #log: GatewayLog;
  #data: DataDirectory | undefined;
  #supervisor: Supervisor | undefined;
  #sessions: SessionRegistry | undefined;
  #changes: Changes | undefined;
  readonly #surface = Promise.withResolvers<Surface>();
  #opened: Surface | undefined;

  private constructor(options: GatewayOptions) {
    this.#options = options;
    const clock = systemClock;
    this.#log = new GatewayLog(options.config.log);
    this.#scope = new Scope('gateway', { clock, kind: 'process', ...this.#log.listeners });
    this.#instruments = new Instruments({
      ...{ clock, log: this.#log },
      onStall: (stall) => {
        this.#opened?.events.hubs.tell.stall(stall);
        options.onStall?.(stall);
      },
    });
    this.shutdown = openShutdown({
      ...{ options, log: this.#log, scope: this.#scope },
      sessions: () => this.#sessions,
      requests: () => this.#opened?.engines,
      events: () => this.#opened?.events,
      supervisor: () => this.#supervisor,
      data: () => this.#data,
      onForce: (cause, state) => options.onForce?.(cause, state, this),
    });
  }

  /** Throws `data_directory_locked` and the like; then the door is closed and nothing is left. */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options);
    options.onCreated?.(gateway);
    try {
      await gateway.#open();
      return gateway;
    } catch (error) {
      // It was told to leave meanwhile: that it did not come to be open is no fault.
      if (gateway.shutdown.state !== 'running') return gateway;
      await gateway.shutdown.request('startup_failed');
      throw error;
    }
  }

  get url(): string {
    return this.#options.door.url;
  }

  get status(): HealthStatus {
    return healthStatus(this.#health());
  }

  engines(): readonly EngineStatus[] {
    return this.#supervisor?.list() ?? [];
  }

  sessions(): readonly SessionFacts[] {
    return this.#sessions?.list() ?? [];
  }

  tree(): TreeNode {
    return this.#scope.tree();
  }

  onEngine(listener: (change: EngineChange) => void): () => void {
    return this.#supervisor?.changes.listen(listener) ?? (() => undefined);
  }

  onSession(listener: (change: SessionChange) => void): () => void {
    return this.#sessions?.changes.listen(listener) ?? (() => undefined);
  }

  /** Resolves when every engine is ready; with the missing ones when one has failed for good or the gateway leaves. */
  whenReady(): Promise<Missing> {
    return whenReady(this);
  }

  /**
   * Publishes an event beside everybody else's, and returns its id. It never waits for a watcher.
   * @throws GreenroomError `invalid_topic`, `topic_reserved`, `invalid_event`, `event_too_large`, `bad_envelope` for its key, `server_shutdown`
   */
  publish(topic: string, data: unknown, key?: string): string {
    if (!this.#opened)
      throw new GreenroomError('server_starting', 'no event is taken yet: the gateway is opening');
    return this.#opened.events.publish(topic, data, key);
  }

  /** Restarts and reloads. @throws GreenroomError `server_starting` */
  get changes(): Changes {
    if (this.#changes) return this.#changes;
    throw new GreenroomError('server_starting', 'nothing is changed yet: the gateway is opening');
  }

  /** Puts a line into the log. */
  warn(message: string): void {
    this.#log.warn({}, message);
  }

  /** Leaves. Idempotent. */
  close(): Promise<ShutdownReport> {
    return this.shutdown.request('quit');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(() => undefined);
  }

  /** Ends every engine's process group at once. For the watchdog. */
  killGroups(): readonly string[] {
    return (this.#supervisor?.reaper.killGroups() ?? []).map((pgid) => `process group ${pgid}`);
  }

  /**
   * In the order in which people notice: callers are seated first, engines start next; the HTTP surface, the
   * log and the store follow (what comes for them early is kept). They are heavy, and are loaded only then.
   */
  async #open(): Promise<void> {
    const { config, secrets, door, attempts, find } = this.#options;
    door.limit(config.limits.connections);
    const scope = this.#scope;
    const mask = (text: string) => secrets.mask(text);
    // Nobody is let into a gateway whose folder is another's.
    const data = await scope.acquire(
      'data directory',
      () => openDataDirectory(config.dataDirectory),
      (directory) => directory.close(),
    );
    this.#data = data;
    // Their places in the scope are here, so that they are closed after whatever writes to them.
    const logging = this.#log.openIn(scope, {
      data,
      mask,
      seated: seated(),
      report: () => this.shutdown.soFar,
    });
    const into = { directory: data.path, log: this.#log, clock: systemClock };
    const records = openRecords({ ...into, config: config.store, scope });
    const decoders = openDecoders(scope);
    const { recordings, start: startRecordings } = openRecordings({
      ...{ ...into, config: config.recordings, scope, decoders, store: records.store },
    });
    const journalling = openJournal(scope, into, seated());
    for (const opening of [logging, journalling]) opening.catch(() => undefined);
    this.#instruments.start(scope);
    const supervisor = openEngines({ ...into, config, scope, mask, records, attempts, find });
    this.#supervisor = supervisor;
    const sessions = openSessions({ config, scope, log: this.#log, records, recordings, decoders });
    this.#sessions = sessions;
    this.#instruments.follow(supervisor, sessions);
    const { leaving } = this.shutdown;
    const { pipelines, ...changes } = openPipelines({
      ...{ ...this.#options, log: this.#log, supervisor, sessions, scope, leaving },
    });
    this.#changes = changes;
    const clientSecrets = new ClientSecrets(systemClock);
    const access = new Access(config, clientSecrets);
    const realtime = new RealtimeEndpoint({ sessions, pipelines, access });
    const upgrade = upgrades(realtime, this.#surface.promise);
    door.attach({
      upgrade: (request, ...more) =>
        operations.during('websocket upgrade', pathOf(request), () => upgrade(request, ...more)),
    });
    const journal = await journalling;
    this.#mustRun();
    await supervisor.startAll(journal);
    this.#mustRun();
    // Other commands look for us there as soon as they hear that we listen.
    const whose = this.#options.process ?? 'shared';
    await data.writeRecord(door.url, whose);
    const { eventsSocket } = await this.#openSurface({
      ...{ access, clientSecrets, supervisor, sessions, records, recordings, pipelines, changes, mask },
    });
    if (eventsSocket !== null) await data.writeRecord(door.url, whose, eventsSocket);
    await logging;
    this.#mustRun();
    // Last: nobody waits for a record, and a thread that starts takes its time from the engines.
    await records.start();
    await startRecordings();
    this.#log.info({ url: door.url, pid: process.pid }, 'the door is open');
  }

  /** What is opened after the leaving has begun would be closed by nobody. */
  #mustRun(): void {
    if (this.shutdown.state !== 'running') throw new GreenroomError('scope_closed', 'the gateway is leaving');
  }

  async #openSurface(parts: {
    readonly access: Access;
    readonly clientSecrets: ClientSecrets;
    readonly supervisor: Supervisor;
    readonly sessions: SessionRegistry;
    readonly records: Records;
    readonly recordings: Recordings;
    readonly pipelines: PipelineTable;
    readonly changes: Changes;
    readonly mask: (text: string) => string;
  }): Promise<Surface> {
    const { access, clientSecrets, supervisor, sessions, records, recordings, pipelines, changes, mask } =
      parts;
    const { openSurface } = await import('./surface.ts');
    this.#mustRun();
    const surface = await openSurface({
      ...{ access, clientSecrets, supervisor, mask, clock: systemClock, config: this.#options.config },
      scope: this.#scope,
      log: this.#log,
      health: () => this.#health(),
      engines: supervisor,
      leaving: this.shutdown.leaving,
      sessions: () => sessions.list(),
      registry: sessions,
      ...{ instruments: this.#instruments, lobbyWaits: sessions.lobbyWaits },
      tasks: sessions.tasks,
      turns: {
        store: records.store,
        isOpen: (id) => sessions.list().some((session) => session.id === id),
      },
      ...{ records, recordings },
      pipelines: () => pipelines.list(),
      ...changes,
      routing: () => pipelines.config,
      resolve: (model) => pipelines.resolve(model),
      enter: (pipeline, session) => pipelines.enter(pipeline, session),
      tree: () => this.tree(),
      shutdown: () => void this.shutdown.request('api'),
      onFault: (error) => this.#log.error({ error }, 'a request failed'),
    });
    this.#mustRun();
    surface.events.follow({ supervisor, sessions, recordings, pipelines, ready: this.whenReady() });
    this.#surface.resolve(surface);
    this.#opened = surface;
    this.#options.door.attach({
      request: (request, response) =>
        operations.during('http request', pathOf(request), () => surface.request(request, response)),
    });
    return surface;
  }

  #health() {
    return {
      leaving: this.shutdown.state !== 'running',
      engines: this.engines(),
      sessions: this.#sessions?.count ?? 0,
      sessionsMax: this.#sessions?.max ?? this.#options.config.sessions.max,
      loopDelay: this.#instruments.loop.delay(),
      uptimeMs: systemClock.now(),
    };
  }
}

/** Two turns of the loop after the door was given its handlers, those who knocked before have been let in. */
async function seated(): Promise<void> {
  await turn(systemClock);
  await turn(systemClock);
}
