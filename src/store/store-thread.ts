// The store's own thread: see sqlite-store.ts. Whatever the disk does happens here.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../lifecycle/clock.ts';
import { messageOf, toGreenroomError } from '../lifecycle/errors.ts';
import { Database } from './database.ts';
import type { Query, StoreReply, StoreRequest, StoreThreadData } from './protocol.ts';

const { path, run } = workerData as StoreThreadData;
const port = parentPort;
if (!port) throw new Error('this is the thread of a store, not a program');
const tell = (reply: StoreReply) => port.postMessage(reply);

const database = new Database({
  path,
  run,
  wallTime: () => systemClock.wallTime(),
  onNotice: (message) => tell({ type: 'notice', message }),
});

function answer(request: StoreRequest): void {
  switch (request.type) {
    case 'write':
      return tell({ type: 'sent', id: request.id, sent: database.write(request.batch) });
    case 'read':
      return read(request.id, request.query);
    case 'close':
      return end();
  }
}

function read(id: number, query: Query): void {
  try {
    tell({ type: 'rows', id, rows: database.read(query) });
  } catch (thrown) {
    tell({ type: 'failed', id, message: messageOf(thrown) });
  }
}

function end(): void {
  try {
    database.close();
  } catch (thrown) {
    tell({ type: 'notice', message: `the database ${path} did not close in order: ${messageOf(thrown)}` });
  }
  port?.close();
}

try {
  database.open();
  port.on('message', answer);
  tell({ type: 'opened' });
  // What earlier runs left open is marked now, not when there is something to write.
  database.write([]);
} catch (thrown) {
  const { code, message } = toGreenroomError(thrown, 'store_unusable');
  tell({ type: 'refused', code, message });
}
