// All watchers of the fan-out, in one process: raw sockets that count what comes, take the latency of one event in a
// few, and answer pings. The stalled ones read their welcome and nothing after it.
import { connect, type Socket } from 'node:net';
import { FrameReader } from './frame-reader.ts';

export type ReceiverQuestion =
  | {
      readonly type: 'connect';
      readonly port: number;
      readonly watchers: number;
      readonly path: string;
      readonly stalled: number;
      readonly stalledPath: string;
      /** Sent once the door is open. */
      readonly hello: string;
      /** Texts that come before the first event. */
      readonly greetings: number;
    }
  | { readonly type: 'count' };

/** Since the count before. */
export interface Counted {
  readonly ms: number;
  readonly deliveries: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core. */
  readonly cpuShare: number;
  /** Connections that are open. */
  readonly open: number;
}

/** One event in so many is looked at: no divisor of what is written at once. */
const sampleEvery = 17;
/** Few enough to be counted up between two reads: five seconds of them. */
const bucketMs = 0.05;
const buckets = new Uint32Array(100_000);
/** Shared by all: what was read is looked at before the next read. */
const shared = Buffer.alloc(256 * 1024);

let [deliveries, sampled, untilSample, open] = [0, 0, sampleEvery, 0];
let nowMs = 0;

/** Its `at` ends in front of the brackets and quotes at the end: 13 digits, a dot, 3 digits. */
function sample(bytes: Uint8Array, end: number): void {
  let last = end - 1;
  while (((bytes[last] ?? 0) & 0xf0) !== 0x30) last -= 1;
  const digits = (from: number, count: number) => {
    let value = 0;
    for (let at = from; at < from + count; at += 1) value = value * 10 + (bytes[at] ?? 0) - 0x30;
    return value;
  };
  const atMs = digits(last - 16, 13) + digits(last - 2, 3) / 1000;
  const bucket = Math.min(buckets.length - 1, Math.max(0, Math.round((nowMs - atMs) / bucketMs)));
  buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  sampled += 1;
}

function watch(port: number, path: string, hello: string, greetings: number, stalls: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = greetings;
    const ready = () => {
      if (left > 0) return;
      if (stalls) socket.pause();
      resolve();
    };
    const reader = new FrameReader({
      event: (bytes, end) => {
        deliveries += 1;
        untilSample -= 1;
        if (untilSample > 0) return;
        untilSample = sampleEvery;
        sample(bytes, end);
      },
      told: () => {
        left -= 1;
        if (left === 0) ready();
      },
      ping: (payload) => void socket.write(masked(10, payload)),
      open: () => {
        open += 1;
        if (hello !== '') socket.write(masked(1, Buffer.from(hello)));
        ready();
      },
    });
    const onread = {
      buffer: shared,
      callback: (bytes: number) => {
        nowMs = performance.timeOrigin + performance.now();
        reader.push(shared.subarray(0, bytes));
        return true;
      },
    };
    const socket: Socket = connect({ port, host: '127.0.0.1', onread });
    socket.on('connect', () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      ),
    );
    socket.on('error', reject);
    socket.on('close', () => {
      open -= 1;
    });
  });
}

/** A client's frame, masked with zeros. */
function masked(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

let [countedMs, countedCpu] = [performance.now(), process.cpuUsage()];

function count(): Counted {
  const [endMs, cpu] = [performance.now(), process.cpuUsage(countedCpu)];
  const ms = endMs - countedMs;
  const counted: Counted = {
    ...{ ms, deliveries, open, p50Ms: quantile(0.5), p99Ms: quantile(0.99) },
    cpuShare: (cpu.user + cpu.system) / 1000 / ms,
  };
  [countedMs, countedCpu] = [endMs, process.cpuUsage()];
  [deliveries, sampled] = [0, 0];
  buckets.fill(0);
  return counted;
}

function quantile(share: number): number {
  let sum = 0;
  for (let at = 0; at < buckets.length; at += 1) {
    sum += buckets[at] ?? 0;
    if (sum > 0 && sum >= sampled * share) return at * bucketMs;
  }
  return Number.NaN;
}

process.on('message', (question: ReceiverQuestion) => {
  if (question.type === 'count') return void process.send?.(count());
  const { port, watchers, stalled, path, stalledPath, hello, greetings } = question;
  const all = Array.from({ length: watchers }, (_, at) =>
    watch(port, at < stalled ? stalledPath : path, hello, greetings, at < stalled),
  );
  Promise.all(all).then(
    () => process.send?.({}),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
