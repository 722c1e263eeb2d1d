// Events over a UNIX socket, one JSON a line. The file is its user's alone, and gone when the gateway is. Whoever
// listens closes it: then nobody new is let in, what has come in whole lines is published, and the connections end.
import { chmod, lstat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Producers } from '../../hub/producers.ts';
import { dataBytesMax, type Publishes } from '../../hub/publication.ts';
import { type Clock, type Timer, turn } from '../../lifecycle/clock.ts';
import type { Deadline } from '../../lifecycle/deadline.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Log } from '../../telemetry/log.ts';
import type { FairTurns } from './fair-turns.ts';
import { placeAmongTemporary, placeInData, type SocketPlace } from './socket-place.ts';
import { rejectionLine, UnixProducer, writeNow } from './unix-producer.ts';

export interface UnixIngestOptions {
  readonly hub: Publishes;
  readonly producers: Producers;
  readonly clock: Clock;
  readonly turns: FairTurns;
  readonly log: Log;
  /** The data directory, which is private, and whose lock is ours. */
  readonly directory: string;
  /** Where the socket is when its path is too long there. Default: the user's runtime directory, or the temporary one. */
  readonly temporary?: string;
  /** At a time. Default 256. */
  readonly connectionsMax?: number;
  /** Of a line. Default 1 MiB. */
  readonly lineBytesMax?: number;
  /** How often is looked whether the file is still there, ms. Default 5,000. */
  readonly lookEveryMs?: number;
}

const connectionsMaxDefault = 256;
const lookEveryMsDefault = 5000;
/** Of the time that is left, for those who have sent something just now: they are read to the end of it. */
const leaveShare = 0.5;
const quietTurnsEnough = 2;
const logPauseMs = 1000;
/** Of file systems that have no sockets: some that are shared with a container or over a network. */
const noSockets = ['EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'EINVAL', 'ENOSYS'];

/** Closed with the scope. Throws `listen_failed`, and `scope_closed`. */
export function openUnixIngest(scope: Scope, options: UnixIngestOptions): Promise<UnixIngest> {
  return scope.acquire(
    'events socket',
    () => UnixIngest.listen(options),
    (ingest, { deadline }) => ingest.close(deadline),
  );
}

export class UnixIngest {
  /** Absolute. */
  readonly path: string;
  readonly #options: UnixIngestOptions;
  readonly #place: SocketPlace;
  #server: Server;
  readonly #connections = new Set<UnixProducer>();
  #look: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #file: 'there' | 'gone' = 'there';
  #state: 'open' | 'leaving' | 'closed' = 'open';
  #accepted = 0;
  #turnedAway = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  private constructor(options: UnixIngestOptions, place: SocketPlace, server: Server) {
    this.path = place.path;
    this.#options = options;
    this.#place = place;
    this.#server = server;
    this.#serve();
    this.#lookLater();
  }

  /** @internal Use `openUnixIngest`. Throws `listen_failed`. */
  static async listen(options: UnixIngestOptions): Promise<UnixIngest> {
    const { directory, temporary } = options;
    const place = await placeInData(directory);
    const server = place && (await listenAt(place));
    if (place && server) return new UnixIngest(options, place, server);
    const other = await placeAmongTemporary(directory, temporary);
    const listening = await listenAt(other);
    if (listening) return new UnixIngest(options, other, listening);
    throw cannot(other.path, 'its file system has no sockets');
  }

  /** Connections that are open. */
  get count(): number {
    return this.#connections.size;
  }

  /** Idempotent. */
  async close(deadline: Deadline): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'leaving';
    this.#look?.cancel();
    await this.#looking;
    const limit = deadline.child(deadline.remainingMs() * leaveShare);
    await this.#everybodyIsIn(limit);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await Promise.all([...this.#connections].map((connection) => connection.leave(limit)));
    limit.dispose();
    await closed;
    await this.#place.release();
    this.#state = 'closed';
  }

  #serve(): void {
    const { log } = this.#options;
    this.#server.on('connection', (socket) => this.#connected(socket));
    this.#server.on('error', (error) =>
      log.warn({ path: this.path }, `the socket of the events: ${messageOf(error)}`),
    );
  }

  #lookLater(): void {
    const { clock, lookEveryMs = lookEveryMsDefault } = this.#options;
    const look = async () => {
      if (await isGone(this.path)) await this.#again();
      if (this.#state === 'open') this.#lookLater();
    };
    this.#look = clock.after(lookEveryMs, () => (this.#looking = look()), { ref: false });
  }

  /** Somebody has taken the file away, as those do who clean up: nobody new would ever come in. */
  async #again(): Promise<void> {
    const { log } = this.#options;
    const facts = { path: this.path };
    // Its end would take the new file away.
    this.#server.close();
    const ready = await this.#place.ready();
    const server = ready ? await listenAt(this.#place).catch(() => undefined) : undefined;
    if (server) {
      this.#server = server;
      this.#serve();
      this.#file = 'there';
      log.warn(facts, `the socket of the events at ${this.path} was taken away, and is made again`);
    } else if (this.#file === 'there') {
      this.#file = 'gone';
      log.warn(
        facts,
        `the socket of the events at ${this.path} was taken away, and cannot be made again yet`,
      );
    }
  }

  /** Who has connected as the system sees it has sent something, perhaps: a close would throw it away. */
  async #everybodyIsIn(limit: Deadline): Promise<void> {
    for (let quietTurns = 0; quietTurns < quietTurnsEnough && !limit.expired; ) {
      const before = this.#accepted;
      await turn(this.#options.clock);
      quietTurns = this.#accepted === before ? quietTurns + 1 : 0;
    }
  }

  #connected(socket: Socket): void {
    this.#accepted += 1;
    const { connectionsMax = connectionsMaxDefault } = this.#options;
    if (this.#connections.size >= connectionsMax) return this.#turnAway(socket, connectionsMax);
    const { producers, lineBytesMax = dataBytesMax } = this.#options;
    const connection = new UnixProducer({
      ...this.#options,
      ...{ socket, lineBytesMax, producer: producers.open({ kind: 'unix' }) },
      onEnd: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }

  #turnAway(socket: Socket, limit: number): void {
    const { clock, log } = this.#options;
    socket.on('error', () => undefined);
    const message = `${limit} producers are connected; close one, or come again`;
    writeNow(socket, rejectionLine(0, new GreenroomError('connections_full', message)));
    socket.destroy();
    this.#turnedAway += 1;
    if (clock.now() - this.#loggedMs < logPauseMs) return;
    this.#loggedMs = clock.now();
    const facts = { code: 'connections_full', limit, turnedAway: this.#turnedAway };
    log.warn(facts, `a producer was turned away from ${this.path}: ${message}`);
  }
}

/** What cannot be looked at is not. */
function isGone(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}

/** Undefined when there can be no socket in this place. */
async function listenAt(place: SocketPlace): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: place.path }, resolve);
    });
    server.removeAllListeners('error');
    // The folder is private, so nobody comes in between.
    await chmod(place.path, 0o600);
    return server;
  } catch (error) {
    server.close();
    await place.release();
    if (noSockets.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw cannot(place.path, messageOf(error), error);
  }
}

function cannot(path: string, why: string, cause?: unknown): GreenroomError {
  const message = `no socket for events at ${path}: ${why}`;
  return new GreenroomError('listen_failed', message, { details: { path }, cause });
}
