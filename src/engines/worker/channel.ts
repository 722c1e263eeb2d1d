// What the gateway and the process of a worker engine speak over: a pipe of their own, in both directions, with each
// message in a frame: a mark, the length, the message as V8 serialises it (structured clone: typed arrays come out with
// a buffer of their own). Whatever runs in the engine can write into that pipe, a native library or a child that has
// inherited it included; so what comes is checked, and what is no frame breaks this channel and nothing else. Closed by
// the end of either process.
//
// No back-pressure of its own: the protocol bounds what is under way (protocol.ts), one push and a few chunks a call.
import type { Duplex } from 'node:stream';
import { Deserializer, Serializer } from 'node:v8';
import { messageOf } from '../../lifecycle/errors.ts';
import { neededChars } from '../shown.ts';

/** Where the engine's process finds its end. */
export const channelFd = 3;

/** More than twenty minutes of speech in one chunk. */
export const messageBytesMax = 64 * 1024 * 1024;

/** Shown of what is no message. */
export const strangerCharsMax = 40;

/** Neither ASCII nor UTF-8: no text looks like it. */
const mark = Buffer.of(0xf7, 0x67, 0x72, 0x01);
const headerBytes = mark.length + 4;
const cameBytesMax = neededChars(strangerCharsMax);

/** Why there is no more to come. */
export interface ChannelFault {
  readonly what: string;
  /** What came instead of a message, as far as it is there: to be masked, then cut. */
  readonly came?: string;
}

export interface ChannelEvents {
  readonly message: (message: unknown) => void;
  /** What has come is no message, and nothing that follows could be told apart. Told once; the channel is closed. */
  readonly broken: (fault: ChannelFault) => void;
  /** Told once, however it was closed. */
  readonly closed: () => void;
}

export class Channel {
  readonly #stream: Duplex;
  readonly #events: ChannelEvents;
  readonly #reader = new FrameReader();

  constructor(stream: Duplex, events: ChannelEvents) {
    this.#stream = stream;
    this.#events = events;
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    // The other process is gone (EPIPE, ECONNRESET): that is told by the close.
    stream.on('error', () => undefined);
    stream.once('close', events.closed);
  }

  /** No effect once it is closed. Throws when the message is too large, or holds what cannot be cloned. */
  send(message: unknown): void {
    // At once, not gathered: an engine may block its process right after it has said how far it is.
    if (this.#stream.writable) this.#stream.write(frameOf(message));
  }

  #read(chunk: Buffer): void {
    // Another chunk may have been on its way when the channel broke.
    if (this.#stream.destroyed) return;
    const { messages, fault } = this.#reader.read(chunk);
    for (const message of messages) this.#events.message(message);
    if (fault === undefined) return;
    this.#stream.destroy();
    this.#events.broken(fault);
  }
}

export function frameOf(message: unknown): Buffer {
  const serializer = new Serializer();
  serializer.writeRawBytes(mark);
  serializer.writeRawBytes(new Uint8Array(headerBytes - mark.length));
  serializer.writeHeader();
  serializer.writeValue(message);
  const frame = serializer.releaseBuffer();
  const bytes = frame.length - headerBytes;
  if (bytes > messageBytesMax)
    throw new RangeError(`a message of ${bytes} bytes is too large: ${messageBytesMax} is the most`);
  frame.writeUInt32LE(bytes, mark.length);
  return frame;
}

export interface Read {
  readonly messages: readonly unknown[];
  /** After these. */
  readonly fault: ChannelFault | undefined;
}

/** Takes messages out of what comes, wherever the pipe cut them; copies only those that were cut. */
export class FrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** With fewer bytes than this there is nothing new to see. */
  #neededBytes = 1;

  read(chunk: Buffer): Read {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#neededBytes) return { messages: [], fault: undefined };
    const messages: unknown[] = [];
    let rest = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts);
    try {
      for (;;) {
        this.#neededBytes = frameBytes(rest);
        if (rest.length < this.#neededBytes) break;
        messages.push(messageIn(rest.subarray(headerBytes, this.#neededBytes)));
        rest = rest.subarray(this.#neededBytes);
      }
    } catch (error) {
      return {
        messages,
        fault: { what: messageOf(error), ...(error instanceof Stranger && { came: error.came }) },
      };
    }
    this.#parts = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    return { messages, fault: undefined };
  }
}

class Stranger extends Error {
  readonly came: string;

  constructor(came: string) {
    super('what came is no message');
    this.came = came;
  }
}

/** Of the frame that begins here; one more than there is, while that does not tell. */
function frameBytes(start: Buffer): number {
  // The first byte already tells a stranger: a few bytes that never make a header must not go unnoticed.
  const marked = Math.min(start.length, mark.length);
  if (mark.compare(start, 0, marked, 0, marked) !== 0) {
    throw new Stranger(start.toString('utf8', 0, cameBytesMax));
  }
  if (start.length < headerBytes) return start.length + 1;
  const bytes = start.readUInt32LE(mark.length);
  if (bytes > messageBytesMax)
    throw new Error(`a message of ${bytes} bytes was announced; ${messageBytesMax} is the most`);
  return headerBytes + bytes;
}

function messageIn(body: Buffer): unknown {
  try {
    const deserializer = new Deserializer(body);
    deserializer.readHeader();
    return deserializer.readValue();
  } catch (error) {
    throw new Error(`a message of ${body.length} bytes cannot be read (${messageOf(error)})`);
  }
}
