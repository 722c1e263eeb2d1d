// Bytes: an event is framed once, as WebSocket text (RFC 6455, 5.2; a server's frames are not masked) with its envelope.
// What the other forms need is cut out of that when it is sent.
import { formatEventId, type HubControl } from '../wire/hub.ts';
import type { StoredEvent } from './ring.ts';
import type { Topic } from './topics.ts';

/** How a watcher gets its events: `bare` is the data alone. */
export type Form = 'websocket' | 'websocket-bare' | 'sse' | 'sse-bare';

const textFrame = 0x81;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const blankLine = '\n\n';

export interface FramedEvent {
  readonly frame: Buffer;
  readonly jsonAt: number;
  readonly dataAt: number;
}

export function frameEvent(id: string, topic: Topic, ts: number, data: Uint8Array): FramedEvent {
  const head = `{"id":"${id}","topic":${topic.quoted},"ts":${ts},"data":`;
  const headBytes = Buffer.byteLength(head);
  const jsonBytes = headBytes + data.length + 1;
  const jsonAt = headerBytes(jsonBytes);
  const frame = Buffer.allocUnsafe(jsonAt + jsonBytes);
  writeHeader(frame, jsonBytes);
  frame.write(head, jsonAt);
  const dataAt = jsonAt + headBytes;
  frame.set(data, dataAt);
  frame[frame.length - 1] = 0x7d;
  return { frame, jsonAt, dataAt };
}

/** An event as this form has it. */
export function eventBytes(event: StoredEvent, form: Form, epoch: string): Buffer {
  const { frame, jsonAt, dataAt } = event;
  if (form === 'websocket') return frame;
  const bare = frame.subarray(dataAt, frame.length - 1);
  if (form === 'websocket-bare') return textFrameOf(bare);
  const shown = form === 'sse' ? frame.subarray(jsonAt) : bare;
  const id = `id: ${formatEventId(epoch, event.seq)}\n`;
  // One line, unless somebody published more than one.
  const single = shown.indexOf(lineFeed) < 0 && shown.indexOf(carriageReturn) < 0;
  if (single) return Buffer.concat([Buffer.from(`${id}data: `, 'latin1'), shown, blank]);
  const lines = shown.toString().split(/\r\n|\r|\n/);
  return Buffer.from(`${id}${lines.map((line) => `data: ${line}\n`).join('')}\n`);
}

export function controlBytes(control: HubControl, form: Form): Buffer {
  const json = JSON.stringify(control);
  if (form === 'websocket' || form === 'websocket-bare') return textFrameOf(Buffer.from(json));
  const retry = control.type === 'bye' && control.retryMs !== null ? `retry: ${control.retryMs}\n` : '';
  return Buffer.from(`${retry}event: control\ndata: ${json}${blankLine}`);
}

const blank = Buffer.from(blankLine);

function textFrameOf(text: Uint8Array): Buffer {
  const header = headerBytes(text.length);
  const frame = Buffer.allocUnsafe(header + text.length);
  writeHeader(frame, text.length);
  frame.set(text, header);
  return frame;
}

const headerBytes = (length: number): number => (length < 126 ? 2 : length < 65_536 ? 4 : 10);

function writeHeader(frame: Buffer, length: number): void {
  frame[0] = textFrame;
  if (length < 126) frame[1] = length;
  else if (length < 65_536) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
}
