// A crowd that comes and goes, in one process: each watcher is cut off every so often, is away for a while, and comes
// back with the last id that it has. Checks that it gets every event once and in order, and how long it takes until it
// has what it missed. From several addresses, since a connection that has ended keeps its port for a minute.
import { connect, type Socket } from 'node:net';
import { FrameReader } from '../fanout/frame-reader.ts';

export type CrowdQuestion =
  | { readonly type: 'come'; readonly port: number; readonly watchers: number }
  /** From now on they are cut off; once each in `everyMs`. */
  | { readonly type: 'storm'; readonly everyMs: number; readonly awayMs: number }
  | { readonly type: 'calm' }
  | { readonly type: 'count' };

/** Since the beginning. */
export interface Crowd {
  readonly events: number;
  /** Events that did not follow on the one before: lost, double or out of order. */
  readonly wrong: number;
  readonly resumes: number;
  /** Welcomes that said that not everything could be replayed, and connections that were refused. */
  readonly refused: number;
  /** From the knock until everything that was missed is there. */
  readonly replayP50Ms: number;
  readonly replayP99Ms: number;
  readonly open: number;
  /** The newest event of the watcher that is furthest behind, and of the one furthest ahead. */
  readonly leastSeq: number;
  readonly mostSeq: number;
}

interface Watcher {
  readonly address: string;
  socket: Socket | undefined;
  /** The last that it has; 0: it has none. */
  seq: number;
  /** While it catches up: where it came in, and when it knocked. */
  head: number;
  knockedMs: number;
}

const addresses = 16;
const path = '/v1/events?topics=face_processor';
/** At a time: a listener's queue is 511 long. */
const knocksMax = 200;

const watchers: Watcher[] = [];
const shared = Buffer.alloc(256 * 1024);
const replaysMs: number[] = [];
let [port, epoch, events, wrong, refused, knocking] = [0, '', 0, 0, 0, 0];
let storm: { readonly everyMs: number; readonly awayMs: number } | undefined;

/** Of `{"id":"EPOCH.SEQ",...`, which begins behind the frame's head. */
function seqOf(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] !== 0x2e) at += 1;
  let seq = 0;
  for (at += 1; bytes[at] !== 0x22; at += 1) seq = seq * 10 + (bytes[at] ?? 0) - 0x30;
  return seq;
}

function caughtUp(watcher: Watcher): void {
  if (watcher.head < 0 || watcher.seq < watcher.head) return;
  replaysMs.push(performance.now() - watcher.knockedMs);
  watcher.head = -1;
}

function knock(watcher: Watcher, ready: () => void): void {
  const since = watcher.seq > 0 ? `&since=${epoch}.${watcher.seq}` : '';
  watcher.knockedMs = performance.now();
  watcher.head = -1;
  const reader = new FrameReader({
    event: (bytes, _end, start) => {
      events += 1;
      const seq = seqOf(bytes, start);
      if (watcher.seq > 0 && seq !== watcher.seq + 1) wrong += 1;
      watcher.seq = seq;
      caughtUp(watcher);
    },
    told: (bytes, end, start) => {
      const welcome = JSON.parse(Buffer.from(bytes.subarray(start, end)).toString());
      if (welcome.type !== 'welcome') return;
      epoch = welcome.epoch;
      if (since !== '') {
        if (welcome.recovered !== true) refused += 1;
        watcher.head = Number(welcome.head.split('.')[1]);
        caughtUp(watcher);
      }
      ready();
    },
    ping: (payload) =>
      void socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | payload.length, 0, 0, 0, 0]), payload])),
    open: () => undefined,
  });
  const callback = (bytes: number) => {
    reader.push(shared.subarray(0, bytes));
    return true;
  };
  const socket: Socket = connect({
    ...{ port, host: '127.0.0.1', localAddress: watcher.address, onread: { buffer: shared, callback } },
  });
  watcher.socket = socket;
  socket.on('connect', () =>
    socket.write(
      `GET ${path}${since} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    ),
  );
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (watcher.socket !== socket) return;
    // Not asked for: it comes back like any other.
    watcher.socket = undefined;
    refused += 1;
    setTimeout(() => knock(watcher, () => undefined), 1000);
  });
}

function come(count: number, done: () => void): void {
  const more = () => {
    while (knocking < knocksMax && watchers.length < count) {
      const address = `127.0.0.${2 + (watchers.length % addresses)}`;
      const watcher: Watcher = { address, socket: undefined, seq: 0, head: -1, knockedMs: 0 };
      watchers.push(watcher);
      knocking += 1;
      knock(watcher, () => {
        knocking -= 1;
        if (watchers.length < count) more();
        else if (knocking === 0) done();
      });
    }
  };
  more();
}

let turn = 0;
let due = 0;
/** Spread: in each step, as many as makes everybody once in `everyMs`. */
function step(): void {
  if (!storm) return;
  const { everyMs, awayMs } = storm;
  for (due += (watchers.length * stepMs) / everyMs; due >= 1; due -= 1) {
    const watcher = watchers[turn % watchers.length];
    turn += 1;
    const socket = watcher?.socket;
    if (!watcher || !socket) continue;
    watcher.socket = undefined;
    socket.destroy();
    setTimeout(() => knock(watcher, () => undefined), awayMs * (0.5 + Math.random()));
  }
}
const stepMs = 20;
setInterval(step, stepMs);

function count(): Crowd {
  const sorted = replaysMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const seqs = watchers.map(({ seq }) => seq);
  return {
    ...{ events, wrong, refused, resumes: sorted.length, replayP50Ms: at(0.5), replayP99Ms: at(0.99) },
    open: watchers.filter(({ socket }) => socket !== undefined).length,
    leastSeq: Math.min(...seqs),
    mostSeq: Math.max(...seqs),
  };
}

process.on('message', (question: CrowdQuestion) => {
  const answer = (said: object) => void process.send?.(said);
  if (question.type === 'come') {
    port = question.port;
    return come(question.watchers, () => answer({}));
  }
  storm = question.type === 'storm' ? question : question.type === 'calm' ? undefined : storm;
  answer(question.type === 'count' ? count() : {});
});
process.on('disconnect', () => process.exit());
