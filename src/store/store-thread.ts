// The store's own thread: see sqlite-store.ts. Whatever the disk does happens here.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../lifecycle/clock.ts';
import { messageOf, toGreenroomError } from '../lifecycle/errors.ts';
import type { Removed } from './archive.ts';
import { Database } from './database.ts';
import type { Query, StoreReply, StoreRequest, StoreThreadData } from './protocol.ts';
import { sqliteTrouble } from './sqlite-codes.ts';
import { Sweeper } from './sweeper.ts';

const { path, run, retention } = workerData as StoreThreadData;
const port = parentPort;
if (!port) throw new Error('this is the thread of a store, not a program');
const tell = (reply: StoreReply) => port.postMessage(reply);
const onNotice = (message: string) => tell({ type: 'notice', message });

const database = new Database({
  path,
  run,
  retention,
  wallTime: () => systemClock.wallTime(),
  onNotice,
});
const sweeper = new Sweeper({ clock: systemClock, step: () => database.prune(), onNotice });

function answer(request: StoreRequest): void {
  switch (request.type) {
    case 'write':
      return tell({ type: 'sent', id: request.id, sent: database.write(request.batch) });
    case 'read':
      return read(request.id, request.query);
    case 'remove':
      return remove(request.id, request.sessionId);
    case 'close':
      return end();
  }
}

function read(id: number, query: Query): void {
  try {
    tell({ type: 'rows', id, rows: database.read(query) });
  } catch (thrown) {
    tell(failed(id, thrown));
  }
}

/** Whoever writes is served between two steps. */
const restMs = 5;

function remove(id: number, sessionId: string, before?: Removed): void {
  try {
    const { state, ...some } = database.remove(sessionId);
    const removed = before ? sum(before, some) : some;
    if (state === 'done') tell({ type: 'removed', id, removed });
    else systemClock.after(restMs, () => remove(id, sessionId, removed), { ref: false });
  } catch (thrown) {
    tell(failed(id, thrown));
  }
}

const sum = (one: Removed, other: Removed): Removed => ({
  sessions: one.sessions + other.sessions,
  items: one.items + other.items,
  tasks: one.tasks + other.tasks,
  recordings: one.recordings + other.recordings,
});

function failed(id: number, thrown: unknown): StoreReply {
  const code = sqliteTrouble(thrown) === 'passing' ? 'store_busy' : 'store_unusable';
  return { type: 'failed', id, code, message: messageOf(thrown) };
}

function end(): void {
  sweeper.stop();
  try {
    database.close();
  } catch (thrown) {
    onNotice(`the database ${path} did not close in order: ${messageOf(thrown)}`);
  }
  port?.close();
}

try {
  database.open();
  port.on('message', answer);
  tell({ type: 'opened' });
  // What earlier runs left open is marked now, not when there is something to write.
  database.write([]);
  sweeper.start();
} catch (thrown) {
  const { code, message } = toGreenroomError(thrown, 'store_unusable');
  tell({ type: 'refused', code, message });
}
