// Everything that has to do with events, as the gateway has it: opened once callers are seated, left when they are sent
// away, closed with its scope.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Config } from '../../config/types.ts';
import type { Supervisor } from '../../engines/supervisor.ts';
import { Intake } from '../../hub/intake.ts';
import type { Producers } from '../../hub/producers.ts';
import { publicationOf } from '../../hub/published.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import type { Deadline } from '../../lifecycle/deadline.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { StageReport } from '../../lifecycle/shutdown.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import type { SessionRegistry } from '../../sessions/registry.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Access } from '../access.ts';
import type { Missing } from '../health.ts';
import type { PipelineTable } from '../pipeline-table.ts';
import { type ClientsQuery, clientFacts } from './client-facts.ts';
import { EventsEndpoint } from './events-endpoint.ts';
import { FairTurns } from './fair-turns.ts';
import { type Hubs, openHubs } from './open-hubs.ts';
import { openUnixIngest, type UnixIngest } from './unix-ingest.ts';
import { Watchers } from './watchers.ts';

export interface EventsOptions {
  readonly config: Pick<Config, 'events' | 'dataDirectory'>;
  /** Of the whole gateway. */
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
  readonly access: Access;
  readonly mask: (text: string) => string;
  /** Aborts when the gateway leaves. */
  readonly leaving: AbortSignal;
}

export interface Followed {
  readonly supervisor: Pick<Supervisor, 'list' | 'changes'>;
  readonly sessions: Pick<SessionRegistry, 'changes' | 'tasks'>;
  readonly recordings: Pick<Recordings, 'changes'>;
  readonly pipelines: Pick<PipelineTable, 'changes'>;
  /** Which engines are not ready when that is known. */
  readonly ready: Promise<Missing>;
}

/** What administrators who watch want to see the end of, and the part of the time to leave that they may wait for it. */
const awaitedStages: readonly string[] = ['sessions', 'requests', 'engines'];
const awaitedShare = 0.7;

export class Events {
  readonly hubs: Hubs;
  readonly #options: EventsOptions;
  readonly #endpoint: EventsEndpoint;
  readonly #turns: FairTurns;
  readonly #awaited = new Map(awaitedStages.map((name) => [name, Promise.withResolvers<void>()]));
  #ingest: UnixIngest | undefined;
  #inProcess: Intake | undefined;

  constructor(options: EventsOptions) {
    const { config, clock } = options;
    this.#options = options;
    this.hubs = openHubs({ ...options, config: config.events });
    this.#turns = new FairTurns(clock);
    const { open, own, producers } = this.hubs;
    const { policy } = config.events.slow;
    const watchers = new Watchers({ clock, hub: open, own, producers, policy, turns: this.#turns });
    this.#endpoint = new EventsEndpoint({ ...options, hub: open, watchers, producers, turns: this.#turns });
  }

  get producers(): Producers {
    return this.hubs.producers;
  }

  /** In process. Throws what is wrong with it. */
  publish(topic: string, data: unknown, key: string | undefined): string {
    this.#inProcess ??= new Intake({
      hub: this.hubs.open,
      producer: this.producers.open({ kind: 'process' }),
    });
    const json = givenJson(topic, data, key);
    const taken = this.#inProcess.publish(publicationOf(topic, Buffer.from(json), key ?? null));
    if (taken.state === 'rejected') throw taken.error;
    return taken.id;
  }

  /** Where producers of this machine write lines to; null where it cannot be: the log says why. */
  async listen(): Promise<string | null> {
    const { scope, clock, log, config } = this.#options;
    const { open: hub, producers } = this.hubs;
    try {
      this.#ingest = await openUnixIngest(scope, {
        ...{ hub, producers, clock, log, turns: this.#turns, directory: config.dataDirectory },
      });
      return this.#ingest.path;
    } catch (error) {
      if (scope.state === 'open')
        log.warn({ error }, 'there is no socket for events: publish by POST /v1/events');
      return null;
    }
  }

  /** Tells of their lives on the gateway's own topics, from how they are now. */
  follow({ supervisor, sessions, recordings, pipelines, ready }: Followed): void {
    const { tell } = this.hubs;
    for (const status of supervisor.list()) tell.engine({ status, before: status.state });
    supervisor.changes.listen((change) => tell.engine(change));
    sessions.changes.listen((change) => tell.session(change));
    sessions.tasks.changes.listen((task) => tell.task(task));
    recordings.changes.listen((change) => tell.recording(change));
    pipelines.changes.listen((change) => tell.pipeline(change));
    void ready.then(({ missing }) => {
      if (missing.length === 0) tell.gateway('ready', {});
      else if (!this.#options.leaving.aborted)
        tell.gateway('failed', { engines: missing.map(({ name }) => name) });
    });
  }

  /** False: it is not for us. */
  request(request: IncomingMessage, response: ServerResponse): boolean {
    return this.#endpoint.request(request, response);
  }

  /** False: it is not for us. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return this.#endpoint.upgrade(request, socket, head);
  }

  clients(query: ClientsQuery): readonly unknown[] {
    return clientFacts([this.hubs.open, this.hubs.own], query, this.#options.clock);
  }

  /** A stage of the leaving has ended: administrators who watch see the report as it comes. */
  stageEnded(stage: StageReport): void {
    this.hubs.tell.gateway('stage', { ...stage });
    this.#awaited.get(stage.name)?.resolve();
  }

  /** The last events of those who publish, then goodbye to those who watch. */
  async leave(deadline: Deadline): Promise<{ readonly watchers: number; readonly terminated: number }> {
    await this.#ingest?.close(deadline);
    const [open, own] = await Promise.all([this.hubs.open.leave(deadline), this.#leaveOwn(deadline)]);
    return { watchers: open.watchers + own.watchers, terminated: open.terminated + own.terminated };
  }

  /** Who watches the gateway itself is told of the others first, as long as that costs nobody anything. */
  async #leaveOwn(deadline: Deadline) {
    const { own } = this.hubs;
    if (own.subscribers.size > 0) {
      const until = deadline.child(deadline.remainingMs() * awaitedShare);
      await until.wait(Promise.all([...this.#awaited.values()].map(({ promise }) => promise)));
      until.dispose();
    }
    return own.leave(deadline);
  }
}

/** Of what a program gives in process. Throws `bad_usage` and `invalid_event`. */
function givenJson(topic: unknown, data: unknown, key: unknown): string {
  for (const [name, value] of Object.entries({ topic, ...(key !== undefined && { key }) }))
    if (typeof value !== 'string')
      throw new GreenroomError('bad_usage', `publish: ${name} is to be a string, got ${typeof value}`);
  const refusal = (why: string, cause?: unknown) =>
    new GreenroomError('invalid_event', `what was published on ${topic} is nothing that JSON has${why}`, {
      cause,
    });
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (thrown) {
    // A BigInt, a circle, a `toJSON` that throws.
    throw refusal(`: ${messageOf(thrown).split('\n')[0]}`, thrown);
  }
  if (json === undefined) throw refusal('');
  return json;
}
