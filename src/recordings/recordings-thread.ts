// The recordings' own thread: see shelf.ts. Whatever the disk does to them happens here.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock, type Timer } from '../lifecycle/clock.ts';
import { yieldThread } from '../lifecycle/priority.ts';
import type { RecorderReply, RecorderRequest, RecordingsThreadData } from './protocol.ts';
import { Shelf } from './shelf.ts';

yieldThread();
const { root, limits, version } = workerData as RecordingsThreadData;
const port = parentPort;
if (!port) throw new Error('this is the thread of recordings, not a program');
const tell = (reply: RecorderReply) => port.postMessage(reply);

const shelf = new Shelf({
  root,
  limits,
  version,
  wallTime: () => systemClock.wallTime(),
  onTake: (key, take) => tell({ type: 'take', key, take }),
  onRefused: (key, message) => tell({ type: 'refused', key, message }),
  onLook: (takes) => tell({ type: 'looked', takes }),
  onRemoved: (take) => tell({ type: 'removed', take }),
  onNotice: (message) => tell({ type: 'notice', message }),
});

/** Others are served in between. */
const restMs = 50;
let resting: Timer | undefined;

function rest(): void {
  resting ??= systemClock.after(
    restMs,
    () => {
      resting = undefined;
      if (shelf.rest() === 'more') rest();
    },
    { ref: false },
  );
}

port.on('message', (request: RecorderRequest) => {
  switch (request.type) {
    case 'steps':
      shelf.apply(request.steps);
      tell({ type: 'written', id: request.id });
      return rest();
    case 'query':
      return tell({ type: 'found', id: request.id, found: shelf.answer(request.query) });
    case 'close':
      resting?.cancel();
      shelf.close();
      return port.close();
  }
});

shelf.open();
