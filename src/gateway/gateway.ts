// The whole gateway behind a door that listens already: data directory, log, engines, pipelines, sessions, routes, and
// the one shutdown. Embedders and the command line meet it here.
import type { EngineStatus } from '../engines/status.ts';
import type { EngineChange, Supervisor } from '../engines/supervisor.ts';
import { systemClock, turn } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { TreeNode } from '../lifecycle/report.ts';
import { Scope } from '../lifecycle/scope.ts';
import { Shutdown, type ShutdownReport } from '../lifecycle/shutdown.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { SessionChange, SessionRegistry } from '../sessions/registry.ts';
import type { SessionFacts } from '../sessions/session-facts.ts';
import { LoopMonitor, type Stall } from '../telemetry/loop-monitor.ts';
import { Access } from './access.ts';
import { ClientSecrets } from './client-secrets.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import { GatewayLog } from './gateway-log.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { type HealthStatus, healthStatus, type Missing, whenReady } from './health.ts';
import { openEngines } from './open-engines.ts';
import { openJournal } from './open-journal.ts';
import { openRecordings } from './open-recordings.ts';
import { openSessions } from './open-sessions.ts';
import { PipelineTable } from './pipeline-table.ts';
import { RealtimeEndpoint } from './realtime-endpoint.ts';
import { openRecords } from './records.ts';
import { shutdownStages } from './stages.ts';
import type { Surface } from './surface.ts';
import { upgrades } from './upgrades.ts';

export class Gateway {
  readonly shutdown: Shutdown;
  readonly #options: GatewayOptions;
  readonly #scope: Scope;
  readonly #loop: LoopMonitor;
  readonly #log: GatewayLog;
  #data: DataDirectory | undefined;
  #supervisor: Supervisor | undefined;
  #sessions: SessionRegistry | undefined;
  readonly #surface = Promise.withResolvers<Surface>();
  #opened: Surface | undefined;

  private constructor(options: GatewayOptions) {
    this.#options = options;
    const clock = systemClock;
    this.#log = new GatewayLog(options.config.log);
    this.#scope = new Scope('gateway', { clock, kind: 'process', ...this.#log.listeners });
    this.#loop = new LoopMonitor(clock, (stall) => this.#stalled(stall));
    this.shutdown = new Shutdown({
      clock,
      totalMs: options.config.shutdown.totalMs,
      stages: shutdownStages({
        door: options.door,
        sessions: () => this.#sessions,
        requests: () => this.#opened?.engines,
        events: () => this.#opened?.events,
        supervisor: () => this.#supervisor,
        scope: this.#scope,
      }),
      onStart: (reason, totalMs) => {
        if (options.process === 'owned') this.#supervisor?.reaper.deadline(totalMs);
        this.#log.info({ reason }, `leaving: ${reason}`);
        this.#opened?.events.hubs.tell.gateway('leaving', { reason, totalMs });
        this.#data?.tellLeaving();
        options.onLeaving?.(reason);
      },
      onStage: (stage) => this.#opened?.events.stageEnded(stage),
      onReport: ({ forced }) => {
        // What was forced may still hold the process: then the reaper stays, until it or the process has ended.
        if (forced.length === 0 || options.process !== 'owned') this.#supervisor?.reaper.close();
      },
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
    const { recordings, start: startRecordings } = openRecordings({
      ...{ ...into, config: config.recordings, scope },
    });
    const journalling = openJournal(scope, into, seated());
    for (const opening of [logging, journalling]) opening.catch(() => undefined);
    this.#loop.start();
    scope.defer('loop monitor', () => this.#loop.stop());
    const supervisor = openEngines({ ...into, config, scope, mask, records, attempts, find });
    this.#supervisor = supervisor;
    const pipelines = new PipelineTable(config, supervisor, this.#log);
    const sessions = openSessions({ config, scope, log: this.#log, records, recordings });
    this.#sessions = sessions;
    const clientSecrets = new ClientSecrets(systemClock);
    const access = new Access(config, clientSecrets);
    const realtime = new RealtimeEndpoint({ sessions, pipelines, access });
    const upgrade = upgrades(realtime, this.#surface.promise);
    door.attach({
      upgrade: (...upgraded) => this.#loop.during('websocket upgrade', () => upgrade(...upgraded)),
    });
    const journal = await journalling;
    this.#mustRun();
    await supervisor.startAll(journal);
    this.#mustRun();
    // Other commands look for us there as soon as they hear that we listen.
    const whose = this.#options.process ?? 'shared';
    await data.writeRecord(door.url, whose);
    const { eventsSocket } = await this.#openSurface({
      access,
      clientSecrets,
      supervisor,
      sessions,
      recordings,
      pipelines,
      mask,
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
    readonly recordings: Recordings;
    readonly pipelines: PipelineTable;
    readonly mask: (text: string) => string;
  }): Promise<Surface> {
    const { access, clientSecrets, supervisor, sessions, recordings, pipelines, mask } = parts;
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
      tasks: sessions.tasks,
      recordings,
      pipelines: () => pipelines.list(),
      resolve: (model) => pipelines.resolve(model),
      tree: () => this.tree(),
      shutdown: () => void this.shutdown.request('api'),
      onFault: (error) => this.#log.error({ error }, 'a request failed'),
    });
    this.#mustRun();
    surface.events.follow({ supervisor, sessions, recordings, ready: this.whenReady() });
    this.#surface.resolve(surface);
    this.#opened = surface;
    this.#options.door.attach({
      request: (request, response) =>
        this.#loop.during('http request', () => surface.request(request, response)),
    });
    return surface;
  }

  #health() {
    return {
      leaving: this.shutdown.state !== 'running',
      engines: this.engines(),
      sessions: this.#sessions?.count ?? 0,
      sessionsMax: this.#options.config.sessions.max,
      loopDelay: this.#loop.delay(),
      uptimeMs: systemClock.now(),
    };
  }

  #stalled(stall: Stall): void {
    const during = stall.during ? ` during ${stall.during}` : '';
    this.#log.warn({ ...stall }, `the event loop was held for ${stall.ms} ms${during}`);
    this.#opened?.events.hubs.tell.stall(stall);
    this.#options.onStall?.(stall);
  }
}

/** Two turns of the loop after the door was given its handlers, those who knocked before have been let in. */
async function seated(): Promise<void> {
  await turn(systemClock);
  await turn(systemClock);
}
