// Reads WebSocket frames of one connection as cheaply as can be: counts events, and gives out the time of a few. No
// payload is copied or parsed, but the ends of frames that lie across two reads.

export interface FrameSink {
  /** An event came; its text is from `start` to before `end`. */
  event(bytes: Uint8Array, end: number, start: number): void;
  /** Any other text. */
  told(bytes: Uint8Array, end: number, start: number): void;
  /** To be answered. */
  ping(payload: Uint8Array): void;
  /** The handshake was answered. */
  open(): void;
}

/** Shorter texts are no events: welcomes, notices. */
const eventBytesMin = 200;
const [extended, long] = [126, 127];
const pingOpcode = 9;
const carriedMax = 64 * 1024;
const headEnd = Buffer.from('\r\n\r\n');

export class FrameReader {
  readonly #sink: FrameSink;
  /** The begin of what is not whole yet. */
  #carried = Buffer.alloc(512);
  #carriedBytes = 0;
  #state: 'handshake' | 'open' = 'handshake';

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** `bytes` may be used again afterwards. */
  push(bytes: Buffer): void {
    let from = 0;
    while (this.#carriedBytes > 0 && from < bytes.length) from += this.#complete(bytes.subarray(from));
    if (this.#carriedBytes > 0) return;
    from = this.#read(bytes, from);
    this.#carry(bytes.subarray(from));
  }

  /** Adds to what was carried as much as it lacks. Returns how much that was. */
  #complete(bytes: Buffer): number {
    const before = this.#carriedBytes;
    const carried = this.#carried.subarray(0, before);
    const lacks = this.#state === 'handshake' ? bytes.length : Math.max(1, wholeBytes(carried, 0) - before);
    const taken = Math.min(lacks, bytes.length);
    this.#carry(bytes.subarray(0, taken));
    const together = this.#carried.subarray(0, this.#carriedBytes);
    const read = this.#read(together, 0);
    if (read === 0) return taken;
    this.#carriedBytes = 0;
    return taken - (together.length - read);
  }

  #carry(bytes: Buffer): void {
    const wanted = this.#carriedBytes + bytes.length;
    if (wanted > carriedMax) throw new Error(`a message of more than ${carriedMax} bytes`);
    if (wanted > this.#carried.length)
      this.#carried = Buffer.concat([this.#carried.subarray(0, this.#carriedBytes)], 2 * wanted);
    bytes.copy(this.#carried, this.#carriedBytes);
    this.#carriedBytes = wanted;
  }

  /** Everything that is whole. Returns where the rest begins. */
  #read(bytes: Buffer, from: number): number {
    let at = this.#state === 'handshake' ? this.#greet(bytes, from) : from;
    if (this.#state === 'handshake') return at;
    for (;;) {
      const end = at + wholeBytes(bytes, at);
      if (end > bytes.length) return at;
      const length = bytes[at + 1] ?? 0;
      const opcode = (bytes[at] ?? 0) & 15;
      if (opcode === pingOpcode) this.#sink.ping(bytes.subarray(at + 2, end));
      else if (length >= extended && end - at >= eventBytesMin)
        this.#sink.event(bytes, end, at + headBytes(length));
      else if (opcode === 1) this.#sink.told(bytes, end, at + headBytes(length));
      at = end;
    }
  }

  #greet(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(headEnd, from);
    if (end < 0) return from;
    const [line] = bytes.toString('latin1', from, end).split('\r\n');
    if (!line?.startsWith('HTTP/1.1 101')) throw new Error(`no 101: ${line}`);
    this.#state = 'open';
    this.#sink.open();
    return end + headEnd.length;
  }
}

/** Of the frame that begins there; where its head is not whole, more than there are. */
function wholeBytes(bytes: Uint8Array, at: number): number {
  const there = bytes.length - at;
  if (there < 2) return there + 1;
  const length = (bytes[at + 1] ?? 0) & 127;
  if (length < extended) return 2 + length;
  if (there < 10) return length === long || there < 4 ? there + 1 : 4 + wordAt(bytes, at + 2);
  if (length === extended) return 4 + wordAt(bytes, at + 2);
  return 10 + wordAt(bytes, at + 6) * 65_536 + wordAt(bytes, at + 8);
}

const headBytes = (length: number): number => (length < extended ? 2 : length === extended ? 4 : 10);

const wordAt = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
