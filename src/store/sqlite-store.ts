// The store in a SQLite database, written by a thread of its own: nothing here ever waits for a disk. What is written
// before the thread runs waits in the queue. Whoever makes it closes it; a thread that has died is started again with
// the next batch.
//
//     waiting ──start──▶ running ──close──▶ closing ──the thread has ended──▶ closed
import { Worker } from 'node:worker_threads';
import type { Clock } from '../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import type {
  Archive,
  ExportFormat,
  ItemsPage,
  Removed,
  SessionFound,
  SessionSearch,
  SessionWhole,
} from './archive.ts';
import type { Query, StoreReply, StoreRequest, StoreThreadData } from './protocol.ts';
import type { Retention } from './pruning.ts';
import type {
  EngineRunRow,
  Flushed,
  ItemRow,
  SessionQuery,
  SessionRow,
  Store,
  TaskRow,
  TurnRow,
  Write,
} from './store.ts';
import { limitsDefault, type QueueLimits, type Sent, WriteQueue } from './write-queue.ts';

export interface SqliteStoreOptions {
  /** The built `store-thread`. */
  readonly file: string;
  readonly path: string;
  /** Names the run of this gateway, once: what other runs left open has ended uncleanly. */
  readonly newRun: () => string;
  /** How much is kept: what is older or more is removed by the thread. */
  readonly retention: Retention;
  readonly clock: Clock;
  readonly limits?: QueueLimits;
  /** Given what takes its time here, a batch that is handed to the thread, so that its name is known. Default: does it. */
  readonly handOver?: (rows: number, work: () => void) => void;
  /** A batch took more than a second. Default: nobody is told. */
  readonly onSlow?: (rows: number, ms: number) => void;
  /** For the log: a database set aside, a disk that refuses and no longer does, rows that are lost. */
  readonly onTrouble: (message: string) => void;
}

/** One run of the thread. */
interface Thread {
  readonly worker: Worker;
  readonly opened: PromiseWithResolvers<void>;
  readonly ended: PromiseWithResolvers<void>;
  /** Why it ended, when that was not asked for. */
  fault: string | undefined;
}

type Answer = Extract<StoreReply, { readonly id: number }>;

export class SqliteStore implements Store, Archive {
  readonly #options: SqliteStoreOptions;
  readonly #queue: WriteQueue;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  readonly #started = Promise.withResolvers<void>();
  #state: 'waiting' | 'running' | 'closing' | 'closed' = 'waiting';
  #thread: Thread | undefined;
  #closing: Promise<void> | undefined;
  #run: string | undefined;
  #requests = 0;
  #startedMs = Number.POSITIVE_INFINITY;

  constructor(options: SqliteStoreOptions) {
    const { clock, limits = limitsDefault, onTrouble, onSlow } = options;
    this.#options = options;
    this.#queue = new WriteQueue({
      ...{ clock, limits, onTrouble },
      // What had to wait for the thread to be there says nothing of the disk.
      onSlow: (rows, ms) => clock.now() - ms >= this.#startedMs && onSlow?.(rows, ms),
      send: (batch) => this.#send(batch),
    });
  }

  /** Starts the thread. Resolves when the database is open; rejects with `store_unusable` when it is not for us. */
  async start(): Promise<void> {
    if (this.#state !== 'waiting') return;
    this.#state = 'running';
    this.#startedMs = this.#options.clock.now();
    this.#started.resolve();
    await this.#running().opened.promise;
  }

  write(write: Write): void {
    this.#queue.push(write);
  }

  flush(): Promise<Flushed> {
    return this.#queue.flush();
  }

  async listSessions(query: SessionQuery = {}): Promise<readonly SessionRow[]> {
    return (await this.#read({ of: 'sessions', ...query })) as readonly SessionRow[];
  }

  async sessionItems(sessionId: string): Promise<readonly ItemRow[]> {
    return (await this.#read({ of: 'items', sessionId })) as readonly ItemRow[];
  }

  async sessionTasks(sessionId: string): Promise<readonly TaskRow[]> {
    return (await this.#read({ of: 'tasks', sessionId })) as readonly TaskRow[];
  }

  async sessionTurns(sessionId: string): Promise<readonly TurnRow[]> {
    return (await this.#read({ of: 'turns', sessionId })) as readonly TurnRow[];
  }

  async lastLoads(modelKey: EngineRunRow['modelKey'], count: number): Promise<readonly number[]> {
    return (await this.#read({ of: 'loads', modelKey, count })) as readonly number[];
  }

  async findSessions(search: SessionSearch): Promise<readonly SessionFound[]> {
    return (await this.#read({ of: 'search', search })) as readonly SessionFound[];
  }

  async wholeSession(sessionId: string): Promise<SessionWhole | undefined> {
    return (await this.#read({ of: 'whole', sessionId }))[0] as SessionWhole | undefined;
  }

  async itemsOf(sessionId: string, from: number, limit: number): Promise<ItemsPage> {
    return (await this.#read({ of: 'page', sessionId, from, limit }))[0] as ItemsPage;
  }

  async exported(
    sessionId: string,
    format: ExportFormat,
    take: number | null,
  ): Promise<readonly string[] | undefined> {
    const pieces = (await this.#read({ of: 'export', sessionId, format, take })) as readonly string[];
    return pieces.length > 0 ? pieces : undefined;
  }

  async runsOf(engine: string, limit: number): Promise<readonly EngineRunRow[]> {
    return (await this.#read({ of: 'runs', engine, limit })) as readonly EngineRunRow[];
  }

  async removeSession(sessionId: string): Promise<Removed> {
    const answer = await this.#ask((id) => ({ type: 'remove', id, sessionId }));
    if (answer.type === 'removed') return answer.removed;
    throw this.#failure('written', answer);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends the thread, whatever it does; `close` then ends as well. */
  destroy(): void {
    void this.#thread?.worker.terminate();
  }

  async #close(): Promise<void> {
    const started = this.#state === 'running';
    if (started && this.#queue.rows > 0) this.#revive();
    this.#state = 'closing';
    if (started) await this.#queue.flush();
    const lost = this.#queue.close();
    if (lost > 0) this.#options.onTrouble(`${lost} records were never written`);
    if (this.#thread) {
      post(this.#thread, { type: 'close' });
      await this.#thread.ended.promise;
    }
    this.#state = 'closed';
    // Reads that came before there was a thread find that there is none.
    this.#started.resolve();
  }

  async #send(batch: readonly Write[]): Promise<Sent> {
    try {
      const { handOver = (_, work) => work() } = this.#options;
      const answer = await this.#ask(
        (id) => ({ type: 'write', id, batch }),
        (work) => handOver(batch.length, work),
      );
      if (answer.type === 'sent') return answer.sent;
      return { state: 'later', why: answer.type === 'failed' ? answer.message : 'no answer' };
    } catch (thrown) {
      // No thread could be had.
      return { state: 'later', why: messageOf(thrown) };
    }
  }

  async #read(query: Query): Promise<readonly unknown[]> {
    const answer = await this.#ask((id) => ({ type: 'read', id, query }));
    if (answer.type === 'rows') return answer.rows;
    throw this.#failure('read', answer);
  }

  #failure(what: 'read' | 'written', answer: Answer): GreenroomError {
    const { path } = this.#options;
    const { code, message } =
      answer.type === 'failed' ? answer : ({ code: 'store_unusable', message: 'no answer' } as const);
    const next =
      code === 'store_busy'
        ? `; ask again when there is room on the disk, and no other program holds ${path}`
        : '';
    return new GreenroomError(code, `the store cannot be ${what}: ${message}${next}`, { details: { path } });
  }

  async #ask(
    request: (id: number) => StoreRequest,
    during: (work: () => void) => void = (work) => work(),
  ): Promise<Answer> {
    await this.#started.promise;
    this.#requests += 1;
    const id = this.#requests;
    const thread = this.#state === 'running' ? this.#running() : this.#thread;
    if (this.#state === 'closed' || !thread)
      return { type: 'failed', id, code: 'store_unusable', message: `it is ${this.#state}` };
    const answered = new Promise<Answer>((resolve) => this.#asked.set(id, resolve));
    during(() => post(thread, request(id)));
    return answered;
  }

  /** A thread that has died is started again for what waits; once the store closes nobody would end another one. */
  #revive(): void {
    try {
      this.#running();
    } catch {
      // None can be had: what waits is lost, which is told with the rest.
    }
  }

  #running(): Thread {
    this.#thread ??= this.#spawn();
    return this.#thread;
  }

  #spawn(): Thread {
    const { file, path, newRun, retention } = this.#options;
    this.#run ??= newRun();
    const worker = new Worker(file, {
      name: 'store',
      workerData: { path, run: this.#run, retention } satisfies StoreThreadData,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const thread: Thread = {
      worker,
      opened: Promise.withResolvers(),
      ended: Promise.withResolvers(),
      fault: undefined,
    };
    // Heard by `start`; for a thread that was started again there is nobody.
    thread.opened.promise.catch(() => undefined);
    worker.on('message', (reply: StoreReply) => this.#hear(thread, reply));
    worker.on('error', (error) => {
      thread.fault = messageOf(error);
    });
    worker.on('exit', () => this.#ended(thread));
    return thread;
  }

  #hear(thread: Thread, reply: StoreReply): void {
    switch (reply.type) {
      case 'opened':
        return thread.opened.resolve();
      case 'refused':
        thread.fault = reply.message;
        return thread.opened.reject(
          new GreenroomError(reply.code, reply.message, { details: { path: this.#options.path } }),
        );
      case 'notice':
        return this.#options.onTrouble(reply.message);
      case 'sent':
      case 'rows':
      case 'removed':
      case 'failed':
        this.#asked.get(reply.id)?.(reply);
        this.#asked.delete(reply.id);
    }
  }

  #ended(thread: Thread): void {
    this.#thread = undefined;
    const message = thread.fault ?? 'its thread has ended';
    for (const [id, resolve] of this.#asked) resolve({ type: 'failed', id, code: 'store_unusable', message });
    this.#asked.clear();
    thread.opened.reject(new GreenroomError('store_unusable', `the store did not open: ${message}`));
    thread.ended.resolve();
  }
}

function post({ worker }: Thread, request: StoreRequest): void {
  worker.postMessage(request);
}
