// Reads the kernel's tables of sockets. Linux begins a table of TCP with the listeners; what follows them may be long,
// and costs it a walk through all it could have (2 ms, many or none). So once a table was seen to be in this order, it
// is read in small pieces, as far as the listeners go.
import { eachChunk } from './proc.ts';
import { parseTcpRow, parseUnixRow, type TcpRow, type UnixRow } from './socket-tables.ts';

/** About three rows. The kernel goes on until it has as much as is asked for, or a page. */
const fewBytes = 512;
const manyBytes = 64 * 1024;
/** Nobody reads a table for ever. About half a million sockets. */
const bytesMax = 96 * 1024 * 1024;

/** `any`: a kernel that is not Linux itself (gVisor). */
let order: 'unknown' | 'listeners first' | 'any' = 'unknown';

/** The listeners on a port. */
export async function tcpListeners(family: 4 | 6, port: number): Promise<readonly TcpRow[]> {
  if (order !== 'listeners first')
    return (await tcpSockets(family, port)).filter(({ state }) => state === 'listening');
  const found: TcpRow[] = [];
  await eachLine(tableOf(family), fewBytes, (line) => {
    const row = parseTcpRow(line, family);
    if (row?.state === 'listening' && row.port === port) found.push(row);
    return row && row.state !== 'listening' ? 'enough' : 'on';
  });
  return found;
}

/** The listeners on every port. */
export async function allTcpListeners(family: 4 | 6): Promise<readonly TcpRow[]> {
  const found: TcpRow[] = [];
  await eachLine(tableOf(family), manyBytes, (line) => {
    const row = parseTcpRow(line, family);
    if (row?.state === 'listening') found.push(row);
    return 'on';
  });
  return found;
}

/** Every socket of a port that somebody has, whatever it does and wherever in the table it is. */
export async function tcpSockets(family: 4 | 6, port: number): Promise<readonly TcpRow[]> {
  const found: TcpRow[] = [];
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const seen = new OrderSeen();
  await eachLine(tableOf(family), manyBytes, (line) => {
    seen.line(line);
    // Before all else: there may be many lines.
    const row = line.includes(wanted) ? parseTcpRow(line, family) : undefined;
    if (row?.port === port && row.inode !== '0') found.push(row);
    return 'on';
  });
  if (order === 'unknown' || seen.order === 'any') order = seen.order;
  return found;
}

/** Tells in what order a table is, where it has something of either kind. */
export class OrderSeen {
  order: typeof order = 'unknown';
  #listeners = 0;
  #others = 0;

  line(line: string): void {
    const state = /^ *\d+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line)?.[1];
    if (state === undefined) return;
    if (state !== '0A') this.#others += 1;
    else if (this.#others > 0) this.order = 'any';
    else this.#listeners += 1;
    if (this.order === 'unknown' && this.#others > 0 && this.#listeners > 0) this.order = 'listeners first';
  }
}

export async function unixListeners(): Promise<readonly UnixRow[]> {
  const found: UnixRow[] = [];
  await eachLine('/proc/net/unix', manyBytes, (line) => {
    const row = parseUnixRow(line);
    if (row?.state === 'listening') found.push(row);
    return 'on';
  });
  return found;
}

const tableOf = (family: 4 | 6): string => (family === 4 ? '/proc/net/tcp' : '/proc/net/tcp6');

async function eachLine(
  path: string,
  bytes: number,
  visit: (line: string) => 'on' | 'enough',
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  let read = 0;
  await eachChunk(path, bytes, (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    read += chunk.length;
    if (lines.some((line) => visit(line) === 'enough')) return 'enough';
    // A kernel that gives fewer than these few has no more, and to ask it again costs another walk.
    return read > bytesMax || (bytes === fewBytes && chunk.length < bytes) ? 'enough' : 'on';
  });
}
